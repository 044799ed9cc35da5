import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { TaskDescriptor } from '@longshore/contracts';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startBackend, type HttpBackend } from '../testing/http-backend.ts';
import { eventually } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { asking, descriptor, startTaskWorker } from './tasks.fixture.ts';

let postgres: TestPostgres;
let backend: HttpBackend;
let client: ReturnType<typeof asking>;
const workers: Awaited<ReturnType<typeof startTaskWorker>>[] = [];
beforeAll(async () => {
  postgres = await startPostgres();
  backend = await startBackend(postgres);
  client = asking(backend, await backend.organisation());
});
afterEach(async () => {
  try {
    await eventually(async () => (await backend.rows())['live_executions'] === 0);
  } finally {
    for (const worker of workers.splice(0)) await leave(worker);
  }
  expect(await brokenInvariants(backend.database)).toEqual([]);
});
afterAll(async () => {
  await backend?.stop();
  await postgres?.stop();
});

type Worker = (typeof workers)[number];

/** A worker process whose code has this version of the task; it says in each result which. */
async function start(
  version: string,
  over: Partial<TaskDescriptor>,
  { queue = 'shared', holds = Promise.resolve() } = {},
): Promise<Worker> {
  const tasks = [descriptor('changed', { queue, ...over })];
  const options = { tasks, queues: [queue], concurrency: 1 };
  const worker = await startTaskWorker(backend, () => holds.then(() => ({ output: version })), options);
  workers.push(worker);
  return worker;
}

async function leave({ call, sessionId, stop }: Worker): Promise<void> {
  await stop();
  await call('DELETE', `/v1/sessions/${sessionId}`);
}

const schema = (name: string) => ({
  input_schema: { type: 'object', properties: { [name]: { type: 'number' } }, required: [name] },
});
const submit = (parameters: object, more: object = {}) =>
  client.submit({ task_name: 'changed', parameters, ...more });
const idOf = async (parameters: object, more?: object) =>
  (await submit(parameters, more)).body.task_id as string;

/** A type is known anew within a second. */
const known = (parameters: object, status = 200) =>
  eventually(async () => (await submit(parameters)).status === status);

describe('two versions of one task', () => {
  it('a task keeps its attempts and limits in time, and new ones get those that were registered last', async () => {
    await start('old', { ...schema('text'), max_attempts: 2 });
    const before = await idOf({ text: 1 }, { delay: 600 });
    await start('new', { ...schema('amount'), max_attempts: 7 });
    await known({ text: 1 }, 422);
    const after = await idOf({ amount: 1 }, { delay: 600 });
    const attempts = async (id: string) => (await client.ask('GET', `/${id}`)).body.max_attempts;
    expect([await attempts(before), await attempts(after)]).toEqual([2, 7]);
    for (const id of [before, after]) await client.ask('DELETE', `/${id}/cancel`);
  });

  it('workers of both in one queue are one pool, and either takes any of its tasks', async () => {
    const [old, other] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const pair = [
      await start('old', {}, { holds: old.promise }),
      await start('new', {}, { holds: other.promise }),
    ];
    await known({});
    const { pools } = (await client.ask('GET', '/workers/status')).body;
    const both = pools.filter(({ queues }: { queues: string[] }) => queues[0] === 'shared');
    expect(both).toEqual([expect.objectContaining({ slots: 2 })]);
    const ids = await Promise.all(Array.from({ length: 40 }, () => idOf({})));
    // Each holds its first until the other has one too.
    await eventually(async () => pair.every(({ taken }) => taken.length > 0));
    for (const { resolve } of [old, other]) resolve();
    const results = await Promise.all(ids.map(async (id) => (await client.result(id)).result));
    expect(new Set(results)).toEqual(new Set(['old', 'new']));
  });

  it('an older worker that is started again brings the older definition back', async () => {
    await start('new', schema('amount'));
    await known({ text: 1 }, 422);
    await start('old', schema('text'));
    await known({ text: 1 });
  });

  it('a version in a queue of its own gets what is submitted from then on, and the other finishes what it had', async () => {
    const old = await start('old', {});
    await known({});
    const before = await idOf({}, { delay: 1 });
    await start('new', {}, { queue: 'second' });
    const moved = async () => (await client.ask('GET', `/${await idOf({})}`)).body.queue === 'second';
    await eventually(moved);
    const after = await idOf({});
    expect((await client.result(after)).result).toBe('new');
    expect((await client.result(before)).result).toBe('old');
    expect(old.taken.map(({ run_id }) => run_id)).toContain(before);
    expect(old.taken.map(({ run_id }) => run_id)).not.toContain(after);
  });
});
