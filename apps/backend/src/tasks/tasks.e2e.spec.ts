import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPlatform, type TestPlatform } from '@longshore/testing';
import { eventually } from '../testing/http-client.ts';
import { asking, follow } from './tasks.fixture.ts';

let platform: TestPlatform;
let client: ReturnType<typeof asking>;

beforeAll(async () => {
  platform = await startPlatform({ SESSION_TIMEOUT: '5' });
  client = asking(platform, { key: platform.apiKey });
}, 120_000);
afterAll(() => platform?.stop(), 60_000);

const longRunning = (duration: number) =>
  client.id({ task_name: 'example_long_running', parameters: { duration }, priority: 6 });
const started = async (id: string) => eventually(async () => (await client.status(id)).status === 'started');

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
  }, 60_000);

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
  }, 120_000);

  it('are stopped within seconds by a cancel', async () => {
    const id = await longRunning(600);
    await started(id);
    const stream = await follow(platform, { id, key: platform.apiKey });
    expect((await client.ask('DELETE', `/${id}/cancel`)).body.status).toBe('cancelled');
    expect((await stream.all()).at(-1)!.data.status).toBe('cancelled');
    // The slot is free: the worker has let go of it.
    await eventually(async () => {
      const { pools } = (await client.ask('GET', '/workers/status')).body;
      return pools.every(({ active }: { active: number }) => active === 0);
    });
  }, 60_000);

  it('go on when their worker is killed, and their streams end once', async () => {
    const id = await longRunning(4);
    await started(id);
    const stream = await follow(platform, { id, key: platform.apiKey });
    platform.kill9('general');
    const events = await stream.all();
    expect(events.filter(({ event }) => event === 'end')).toHaveLength(1);
    expect(events.at(-1)!.data.status).toBe('finished');
    expect((await client.ask('GET', `/${id}`)).body).toMatchObject({ starts: 2, attempts: 0 });
  }, 120_000);

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
