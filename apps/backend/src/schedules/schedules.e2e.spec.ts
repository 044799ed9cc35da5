import { afterEach, describe, expect, it } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import { silentLogger } from '@longshore/runtime';
import { startCluster, type TestCluster } from '@longshore/testing';
import { createDatabase, type Database } from '../store/database.ts';
import { brokenInvariants } from '../testing/invariants.ts';

const SCHEDULES = 100;
const BOUND_MS = 60_000;

let cluster: TestCluster;
let database: Database;
afterEach(async () => {
  await database?.close();
  await cluster?.stop();
});

/** Two backend processes, and schedules that fire every second; nobody executes what they make. */
async function setup(catch_up: string) {
  cluster = await startCluster();
  database = createDatabase({ url: cluster.databaseUrl, logger: silentLogger(), connections: 2 });
  await database.query(
    `insert into tasks (name, task_group, queue, description, input_schema, max_attempts, soft_limit_ms, hard_limit_ms, isolation)
     values ('tick', 'Test', 'default', '', '{}', 1, 1000, 1000, 'inline')`,
  );
  const names = Array.from({ length: SCHEDULES }, (_, index) => `s${index}`);
  const documents = names.map((name) => ({
    ...{ kind: 'schedule', name, every: '1s', task: 'tick', overlap: 'allow', catch_up },
  }));
  const response = await fetch(`${cluster.url}/api/v1/apply`, {
    method: 'POST',
    headers: { authorization: `Bearer ${cluster.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ documents }),
  });
  expect(response.status).toBe(200);
}

async function firedTimes(): Promise<number> {
  const [row] = await database.query<{ n: number }>(
    'select coalesce(min(fired), 0)::float8 as n from schedules',
  );
  return row!.n;
}

/** Waits until every schedule has fired so many times more. */
async function more(times: number): Promise<void> {
  const before = await firedTimes();
  const until = performance.now() + BOUND_MS;
  while ((await firedTimes()) < before + times) {
    if (performance.now() > until) throw new Error(`only ${(await firedTimes()) - before} of ${times} fired`);
    await pause(50);
  }
}

describe('two backends of which both are killed, one after the other and together', () => {
  it('fire every time of every schedule once', async () => {
    await setup('all');
    await more(2);
    await cluster.killBackend(0);
    await more(3);
    await cluster.restartBackend(0);
    await cluster.killBackend(1);
    await more(3);
    await cluster.killBackend(0);
    await pause(4_000);
    await cluster.restartBackend(0);
    await cluster.restartBackend(1);
    await more(3);
    await database.query('update schedules set paused = true, due_at = null');
    const [row] = await database.query<Record<string, number>>(
      `select count(*)::int as lines, count(distinct run_id)::int as runs,
              (select count(*)::int from submitted_tasks) as tasks, (select sum(fired)::int from schedules) as fired,
              (select count(*)::int from runs) as rows
         from schedule_firings where outcome = 'fired'`,
    );
    const { lines } = row!;
    expect(row).toEqual({ lines, runs: lines, tasks: lines, fired: lines, rows: lines });
    // From its first time to its last no second is missing.
    const gaps = await database.query(
      `select schedule_id from schedule_firings group by schedule_id
       having count(*) <> extract(epoch from max(fire_at) - min(fire_at)) + 1 or bool_or(outcome <> 'fired')`,
    );
    expect(gaps).toEqual([]);
    expect(await brokenInvariants(database)).toEqual([]);
  }, 240_000);
});
