import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { queryOnce } from '@longshore/embedded-postgres';
import type { Clock } from '@longshore/runtime';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { checkDatabase } from './check-database.ts';

/** The columns that the rules look at; that the true tables have them is shown by every run of the command. */
const TABLES = `
  create table executions (id text);
  create table live_executions (id text);
  create table dispatches (id text, run_ids text[]);
  create table runs (id text, root_id text, parent_id text, key text, ordinal int, task text, state text, file_id text,
    continuation jsonb, children_total int default 0, children_pending int default 0, starts int default 1, epoch int default 1);
`;

/** One execution as it should be at the end: a root, two files, a continuation; and another root that is no execution. */
const SOUND = `
  insert into executions values ('e');
  insert into runs (id, root_id, parent_id, key, ordinal, task, state, file_id, continuation, children_total) values
    ('e', 'e', null, null, null, 'execution.plan', 'succeeded', null, '{}', 2),
    ('a', 'e', 'e', 'hash-a', 0, 'file.process', 'succeeded', 'file-a', null, 0),
    ('b', 'e', 'e', 'hash-b', 1, 'file.process', 'failed', 'file-b', null, 0),
    ('c', 'e', 'e', '', null, 'execution.finish', 'succeeded', null, null, 0),
    ('other', 'other', null, null, null, 'housekeeping', 'running', null, null, 0);
`;

/** Nothing is being tidied up here: a second look comes when the time is over. */
function impatient(): Clock {
  let now = 0;
  return {
    now: () => now,
    monotonic: () => now,
    sleep: async (ms) => {
      now += ms * 100;
    },
  };
}

let postgres: TestPostgres;
let databases = 0;
let url: string;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  databases += 1;
  url = await postgres.createDatabase(`forged${databases}`);
  await queryOnce(url, TABLES);
  await queryOnce(url, SOUND);
});

const check = () => checkDatabase(url, { clock: impatient(), signal: new AbortController().signal });

describe('the second opinion', () => {
  it('finds nothing where everything fits together', async () => {
    expect(await check()).toEqual([]);
  });

  it.each([
    ['every run of an execution has ended', `update runs set state = 'running' where id = 'a'`],
    ['no execution is listed as live', `insert into live_executions values ('e')`],
    ['no dispatch is left', `insert into dispatches values ('d', '{b}')`],
    ['as many children as it made', `delete from runs where id = 'b'`],
    ['waits for none', `update runs set children_pending = 1 where id = 'e'`],
    ['finished exactly once', `delete from runs where id = 'c'`],
    [
      'finished exactly once',
      `insert into runs (id, root_id, parent_id, key, state) values ('c2', 'e', 'e', '', 'succeeded')`,
    ],
    ['one file is worked on by one run', `update runs set file_id = 'file-a' where id = 'b'`],
    ['not started more often than it was claimed', `update runs set starts = 2 where id = 'a'`],
  ])('notices what breaks "%s"', async (rule, forge) => {
    await queryOnce(url, forge);
    const found = await check();
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ kind: 'database', about: 'e', what: expect.stringContaining(rule) });
  });
});
