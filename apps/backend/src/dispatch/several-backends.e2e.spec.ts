import { afterEach, describe, expect, it } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import type { ExecuteResponse, ExecutionDetail } from '@longshore/contracts';
import { silentLogger } from '@longshore/runtime';
import { startCluster, type TestCluster } from '@longshore/testing';
import { createDatabase, type Database } from '../store/database.ts';
import { brokenInvariants } from '../testing/invariants.ts';

/** Within which another backend publishes when the one that did is gone. */
const TAKEN_OVER_MS = 15_000;
/** Within which every accepted execution has ended, whatever was done. */
const BOUND_MS = 60_000;
const FILES = 6;
const MOST_UNFINISHED = 5;
const PARALLEL = 4;

let cluster: TestCluster;
let database: Database;
afterEach(async () => {
  await database?.close();
  await cluster?.stop();
});

async function setup() {
  cluster = await startCluster({
    MAX_UNFINISHED_EXECUTIONS_PER_ORGANISATION: String(MOST_UNFINISHED),
    MAX_PARALLEL_FILES: String(PARALLEL),
    SESSION_TIMEOUT: '15',
  });
  database = createDatabase({ url: cluster.databaseUrl, logger: silentLogger(), connections: 2 });
  await asked('/api/v1/apply', {
    method: 'POST',
    headers: { authorization: `Bearer ${cluster.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ documents }),
  });
  await ended(await post('before'));
}

const documents = [
  {
    kind: 'workflow',
    name: 'invoices',
    steps: [{ read: {} }, { extract: { fields: { number: { type: 'string', label: 'Invoice number' } } } }],
  },
  { kind: 'deployment', api_name: 'invoices', workflow: 'invoices' },
];

/** As the contract asks: whoever gets no answer, or is told to come again, comes again. */
async function asked(path: string, init: RequestInit): Promise<unknown> {
  for (;;) {
    const answer = await fetch(`${cluster.url}${path}`, init).catch(() => null);
    if (answer?.ok) return await answer.json();
    const again = answer === null || [429, 502, 503].includes(answer.status);
    if (!again) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    await pause(100);
  }
}

/** Posts files under a key of their own: sent again it is the same execution. */
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

/** The execution's detail once it has ended. @throws when it has not within its bound. */
async function ended(id: string): Promise<ExecutionDetail> {
  const headers = { authorization: `Bearer ${cluster.apiKey}` };
  for (const until = performance.now() + BOUND_MS; performance.now() < until; await pause(50)) {
    const detail = (await asked(`/api/v1/executions/${id}`, { headers })) as ExecutionDetail;
    if (['COMPLETED', 'ERROR', 'STOPPED'].includes(detail.status)) return detail;
  }
  throw new Error(`execution ${id} did not end`);
}

/** Who holds each pool's lease. */
async function holders(): Promise<Map<string, string>> {
  const rows = await database.query<{ pool: string; holder: string }>(
    'select pool, holder::text from pool_leases where expires_at > now()',
  );
  return new Map(rows.map(({ pool, holder }) => [pool, holder]));
}

/** How long until every pool has another holder than it had, ms. */
async function takenOver(before: ReadonlyMap<string, string>): Promise<number> {
  const startedAt = performance.now();
  for (;;) {
    const now = await holders();
    const isOther = ([pool, holder]: [string, string]) => now.has(pool) && now.get(pool) !== holder;
    if ([...before].every(isOther)) return performance.now() - startedAt;
    if (performance.now() - startedAt > BOUND_MS) throw new Error('nobody took over');
    await pause(20);
  }
}

describe('two backends on one database', () => {
  it('failure mode 24: when the one that leads is killed, the other publishes within 15 s', async () => {
    await setup();
    const before = await holders();
    expect(before.size).toBe(3);
    const early = await Promise.all(['a', 'b', 'c'].map(post));
    await cluster.killBackend(0);
    const killedAt = performance.now();
    const late = await post('late');
    expect(await ended(late)).toMatchObject({ status: 'COMPLETED', successful_files: FILES });
    expect(performance.now() - killedAt).toBeLessThan(TAKEN_OVER_MS);
    await takenOver(before);
    for (const id of early) expect(await ended(id)).toMatchObject({ status: 'COMPLETED' });
    expect(await brokenInvariants(database)).toEqual([]);
  }, 180_000);

  it('when the one that leads is stopped in order, the other leads at once', async () => {
    await setup();
    const before = await holders();
    expect(await cluster.stopBackend(0)).toBe(0);
    // The lease alone would last for five seconds.
    expect(await takenOver(before)).toBeLessThan(2_500);
    expect(await ended(await post('after'))).toMatchObject({ status: 'COMPLETED' });
  });

  it('and their workers are restarted one by one under load: no execution fails, and the limits hold', async () => {
    await setup();
    let over = false;
    const ids = new Map<string, string>();
    const clients = Array.from({ length: MOST_UNFINISHED + 2 }, async (_, client) => {
      for (let round = 0; !over || round < 2; round += 1) {
        const name = `${client}-${round}`;
        ids.set(name, await post(name));
        await ended(ids.get(name)!);
      }
    });
    const most = mostUnfinished(() => over);
    const restarts = (async () => {
      await cluster.restartBackend(0);
      await cluster.restartWorker('file-processing');
      await cluster.restartBackend(1);
      await cluster.restartWorker('api-deployment');
      await cluster.restartWorker('callback');
      await cluster.restartBackend(0);
    })().finally(() => (over = true));
    await Promise.all([restarts, ...clients]);
    expect(await most).toBe(MOST_UNFINISHED);
    expect(new Set(ids.values()).size).toBe(ids.size);
    for (const [name, id] of ids)
      expect(outcome(await ended(id))).toEqual({ status: 'COMPLETED', numbers: numbers(name) });
    const [counted] = await database.query('select count(*)::int as n from executions');
    expect(counted).toEqual({ n: ids.size + 1 });
    expect(await mostInParallel()).toBe(PARALLEL);
    expect(await brokenInvariants(database)).toEqual([]);
  }, 300_000);
});

const numbers = (name: string) => Array.from({ length: FILES }, (_, file) => `${name}-${file}`);

function outcome({ status, result }: ExecutionDetail) {
  const numberOf = (output: unknown) => (output as { number: string }).number;
  return {
    status,
    numbers: result?.map((file) => (file.result ? numberOf(file.result.output) : file.error)),
  };
}

/** The most executions that were ever seen unfinished. */
async function mostUnfinished(isOver: () => boolean): Promise<number> {
  let most = 0;
  while (!isOver()) {
    const [row] = await database.query<{ n: number }>('select count(*)::int as n from live_executions');
    most = Math.max(most, row!.n);
    await pause(10);
  }
  return most;
}

/** The most files of one execution that were worked on at the same moment, by when they began and ended. */
async function mostInParallel(): Promise<number> {
  const [row] = await database.query<{ most: number }>(
    `with files as (select id, root_id, started_at, finished_at from runs where task = 'file.process')
     select max(n)::int as most from (
       select count(*) as n from files a
         join files b on b.root_id = a.root_id and b.started_at <= a.started_at and b.finished_at > a.started_at
        group by a.id) overlapping`,
  );
  return row!.most;
}
