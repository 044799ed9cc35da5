import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '@longshore/runtime';
import type { Database } from '../store/database.ts';
import { createSessions } from './sessions.ts';

/** Sessions on a database in which every session is live, and the ids that were looked up there. */
function setup() {
  const read: unknown[] = [];
  const query = async (_text: string, [id]: unknown[] = []) => {
    read.push(id);
    return [{ id, pool: 'general-1', worker: 'general', queues: ['default'], ended: false }];
  };
  const sessions = createSessions({
    database: { query } as unknown as Database,
    catalogue: { register: async () => undefined } as never,
    logger: silentLogger(),
    sessionTimeoutMs: 15_000,
    changed: async () => undefined,
  });
  return { sessions, read };
}

describe('the sessions that a backend remembers', () => {
  it('need no look into the database', async () => {
    const { sessions, read } = setup();
    for (let times = 0; times < 3; times += 1)
      expect(await sessions.require('one')).toMatchObject({ id: 'one', worker: 'general' });
    expect(read).toEqual(['one']);
  });

  it('are bounded: one that crashed is forgotten once many others have come', async () => {
    const { sessions, read } = setup();
    await sessions.require('crashed');
    for (let id = 0; id < 10_000; id += 1) await sessions.require(`later ${id}`);
    read.length = 0;
    await sessions.require('later 9999');
    await sessions.require('crashed');
    expect(read).toEqual(['crashed']);
  });
});
