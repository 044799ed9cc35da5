import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { WorkersResponse } from '@longshore/contracts';
import { silentLogger } from '@longshore/runtime';
import { startPlatform, startPostgres, type TestPlatform, type TestPostgres } from '@longshore/testing';
import { createDatabase, type Database } from '../store/database.ts';
import { answer, bearer, eventually } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { asking, follow } from './tasks.fixture.ts';

/** Within which a task that honours its signal has stopped, from the moment its cancel was asked for. */
const STOPPED_WITHIN_MS = 2_000;

let postgres: TestPostgres;
let platform: TestPlatform;
let database: Database;
let client: ReturnType<typeof asking>;

beforeAll(async () => {
  postgres = await startPostgres();
  const [DATABASE_URL, BROKER_URL] = [
    await postgres.createDatabase('truth'),
    await postgres.createDatabase('broker'),
  ];
  platform = await startPlatform({ SESSION_TIMEOUT: '5', DATABASE_URL, BROKER_URL });
  database = createDatabase({ url: DATABASE_URL, logger: silentLogger(), connections: 1 });
  client = asking(platform, { key: platform.apiKey });
});
afterEach(async () => {
  expect(await brokenInvariants(database)).toEqual([]);
});
afterAll(async () => {
  await database?.close();
  await platform?.stop();
  await postgres?.stop();
});

const longRunning = (duration: number) =>
  client.id({ task_name: 'example_long_running', parameters: { duration }, priority: 6 });
const started = async (id: string) => eventually(async () => (await client.status(id)).status === 'started');

/** How many handlers are at work in the process of the worker, as it says itself. */
async function handlersAtWork(): Promise<() => Promise<number>> {
  const headers = bearer(platform.adminKey);
  const { body } = await answer(fetch(`${platform.url}/api/v1/workers`, { headers }));
  const { pools } = body as WorkersResponse;
  const port = pools.find(({ worker }) => worker === 'general')!.sessions[0]!.health_port!;
  return async () => (await answer(fetch(`http://127.0.0.1:${port}/health`))).body['active_tasks'] as number;
}

describe('tasks on a whole platform', () => {
  it('run, tell their progress, and end', async () => {
    const { body: types } = await client.ask('GET', '/types?details=true');
    expect(types.types).toEqual(expect.arrayContaining(['example_data_processing', 'example_failing']));
    const csv = 'city,amount\nBern,1\nBasel,2\nBern,3\n';
    const sums = await client.id({
      task_name: 'example_data_processing',
      parameters: { csv, group_by: 'city', sum: 'amount' },
    });
    expect((await client.result(sums)).result).toMatchObject({
      sum: 6,
      groups: { Bern: { rows: 2, sum: 4 } },
    });
    const id = await longRunning(2.5);
    const events = await (await follow(platform, { id, key: platform.apiKey })).all();
    expect(events.filter(({ event }) => event === 'end')).toHaveLength(1);
    expect(events.at(-1)!.data.status).toBe('finished');
    expect(events.some(({ event }) => event === 'progress')).toBe(true);
    expect(events.some(({ event, data }) => event === 'log' && data.message === 'started')).toBe(true);
  });

  it('fail and are tried again as their type says', async () => {
    const id = await client.id({ task_name: 'example_failing', parameters: { times: 1 } });
    expect(await client.result(id, 60)).toMatchObject({
      status: 'finished',
      result: { succeeded_at_attempt: 2 },
    });
    const lost = await client.id({
      task_name: 'example_failing',
      parameters: { times: 5, retryable: false },
    });
    expect(await client.result(lost, 60)).toMatchObject({
      status: 'failed',
      error: { code: 'asked_to_fail' },
    });
  });

  it('that honour their signal have stopped within 2 s of a cancel, in the worker that runs them', async () => {
    const atWork = await handlersAtWork();
    const id = await longRunning(600);
    await started(id);
    await eventually(async () => (await atWork()) === 1);
    const stream = await follow(platform, { id, key: platform.apiKey });
    const since = performance.now();
    expect((await client.ask('DELETE', `/${id}/cancel`)).body.status).toBe('cancelled');
    await eventually(async () => (await atWork()) === 0);
    const stoppedMs = performance.now() - since;
    process.stderr.write(`the handler had ended ${Math.round(stoppedMs)} ms after the cancel\n`);
    expect(stoppedMs).toBeLessThan(STOPPED_WITHIN_MS);
    expect((await stream.all()).at(-1)!.data.status).toBe('cancelled');
    // The slot is free: the worker has let go of it.
    await eventually(async () => {
      const { pools } = (await client.ask('GET', '/workers/status')).body;
      return pools.every(({ active }: { active: number }) => active === 0);
    });
  });

  it('go on when their worker is killed, and their streams end once', async () => {
    const id = await longRunning(4);
    await started(id);
    const stream = await follow(platform, { id, key: platform.apiKey });
    platform.kill9('general');
    const events = await stream.all();
    expect(events.filter(({ event }) => event === 'end')).toHaveLength(1);
    expect(events.at(-1)!.data.status).toBe('finished');
    expect((await client.ask('GET', `/${id}`)).body).toMatchObject({ starts: 2, attempts: 0 });
  });

  it('that were accepted end when the backend is killed in the middle', async () => {
    const tasks = Array.from({ length: 200 }, (_, n) => ({
      task_name: 'example_long_running',
      parameters: { duration: 0.05 },
      idempotency_key: `bulk ${n}`,
    }));
    const submit = () => client.ask('POST', '/submit/bulk', { tasks }).catch(() => null);
    const first = submit();
    platform.kill9('backend');
    await first;
    let ids: string[] = [];
    await eventually(async () => {
      const answer = await submit();
      ids = answer?.body?.results?.map(({ task_id }: { task_id: string }) => task_id) ?? [];
      return answer?.status === 200 && answer.body.submitted === 200;
    });
    expect(new Set(ids).size).toBe(200);
    for (const id of ids) expect((await client.result(id, 60)).status).toBe('finished');
    const { body } = await client.ask('GET', '?task_name=example_long_running&q=0.05');
    expect(body.total).toBe(200);
  }, 180_000);
});
