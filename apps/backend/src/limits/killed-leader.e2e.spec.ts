import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { ExecuteResponse, ExecutionDetail } from '@longshore/contracts';
import { silentLogger } from '@longshore/runtime';
import { startCluster, type TestCluster } from '@longshore/testing';
import { createDatabase, type Database } from '../store/database.ts';
import { brokenInvariants } from '../testing/invariants.ts';

const MOST = 2;
const FILES = 6;
/** Within which another backend publishes when the one that did is gone. */
const TAKEN_OVER_MS = 15_000;

let cluster: TestCluster;
let database: Database;
afterEach(async () => {
  await database?.close();
  await cluster?.stop();
});

const documents = [
  {
    kind: 'workflow',
    name: 'invoices',
    steps: [{ read: {} }, { extract: { fields: { number: { type: 'string', label: 'Invoice number' } } } }],
  },
  { kind: 'deployment', api_name: 'invoices', workflow: 'invoices' },
];

/** Two backends with real workers; at most so many files are processed at once. */
async function setup(): Promise<void> {
  cluster = await startCluster({ SESSION_TIMEOUT: '15' });
  database = createDatabase({ url: cluster.databaseUrl, logger: silentLogger(), connections: 2 });
  const limits = [{ per: 'task', path: null, concurrency: MOST, rates: [] }];
  await database.query(`update tasks set limits = $1 where name = 'file.process'`, [JSON.stringify(limits)]);
  await asked('/api/v1/apply', {
    method: 'POST',
    headers: { authorization: `Bearer ${cluster.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ documents }),
  });
}

/** Whoever gets no answer, or is told to come again, comes again. */
async function asked(path: string, init: RequestInit): Promise<unknown> {
  for (;;) {
    const answer = await fetch(`${cluster.url}${path}`, init).catch(() => null);
    if (answer?.ok) return await answer.json();
    if (answer !== null && ![429, 502, 503].includes(answer.status))
      throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    await pause(100);
  }
}

async function post(name: string): Promise<string> {
  const body = new FormData();
  for (let file = 0; file < FILES; file += 1) {
    const text = `Invoice number: ${name}-${file}\n${'Berth and water, two nights\n'.repeat(2_000)}`;
    body.append('files', new Blob([text]), `${file}.txt`);
  }
  const headers = { authorization: `Bearer ${cluster.apiKey}`, 'idempotency-key': name };
  const answer = await asked('/deployment/api/default/invoices/', { method: 'POST', headers, body });
  return (answer as ExecuteResponse).message.execution_id;
}

async function statusOf(id: string): Promise<string> {
  const headers = { authorization: `Bearer ${cluster.apiKey}` };
  return ((await asked(`/api/v1/executions/${id}`, { headers })) as ExecutionDetail).status;
}

async function completed(ids: readonly string[]): Promise<void> {
  for (const id of ids)
    for (;;) {
      const status = await statusOf(id);
      if (status === 'COMPLETED') break;
      expect(['PENDING', 'EXECUTING']).toContain(status);
      await pause(50);
    }
}

/** The most runs of the limited task that were ever seen at once. */
async function mostAtOnce(over: () => boolean): Promise<number> {
  let most = 0;
  for (; !over(); await pause(5)) {
    const [row] = await database.query<{ n: number }>(
      `select count(*)::int as n from runs where task = 'file.process' and state = 'running'`,
    );
    most = Math.max(most, row!.n);
  }
  return most;
}

describe('a limit over two backends', () => {
  it('failure mode 24: holds while the one that leads is killed, and the other goes on within 15 s', async () => {
    await setup();
    let over = false;
    const most = mostAtOnce(() => over);
    const early = await Promise.all(['a', 'b', 'c', 'd'].map(post));
    await cluster.killBackend(0);
    const killedAt = performance.now();
    await completed([...early, await post('late')]);
    expect(performance.now() - killedAt).toBeLessThan(TAKEN_OVER_MS);
    over = true;
    expect(await most).toBe(MOST);
    const permits = async () => (await database.query('select from limit_permits')).length;
    while ((await permits()) > 0) await pause(20);
    expect(await brokenInvariants(database)).toEqual([]);
  });
});
