import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ClaimedRun } from '@longshore/contracts';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { MAX_PARCEL_RUNS } from '../dispatch/parcels.ts';
import { startBackend, type HttpBackend } from '../testing/http-backend.ts';
import { eventually } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { asking, startTaskWorker, type Ending, type TaskWorkerOptions } from './tasks.fixture.ts';

const SLOTS = 2;
/** What may be out at once: for each slot one dispatch that fills it, and one that waits for it in the broker. */
const MOST_DISPATCHES_OUT = 2 * SLOTS;
const LINES = ['high_priority', 'default', 'low_priority'];
const URGENT = 10;

let postgres: TestPostgres;
let backend: HttpBackend;
let client: ReturnType<typeof asking>;
const workers: Awaited<ReturnType<typeof startTaskWorker>>[] = [];
const gates: (() => void)[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
});
beforeEach(async () => {
  backend = await startBackend(postgres);
  client = asking(backend, await backend.organisation());
});
afterEach(async () => {
  openGates();
  await Promise.all(workers.splice(0).map((worker) => worker.stop()));
  await backend?.stop();
});
afterAll(() => postgres?.stop(), 60_000);

async function startWorker(options: TaskWorkerOptions) {
  const worker = await startTaskWorker(backend, handle, options);
  workers.push(worker);
  return worker;
}

/** Ends at once, or when the gates are opened. */
function handle({ input }: ClaimedRun): Promise<Ending> | Ending {
  if ((input as { hold?: boolean }).hold !== true) return { output: null };
  return new Promise((resolve) => gates.push(() => resolve({ output: null })));
}

function openGates(): void {
  for (const open of gates.splice(0)) open();
}

const task = (priority = 0, parameters: object = {}) => ({ task_name: 'anything', parameters, priority });

/** Every slot of the worker has a task in hand that ends when the gates are opened. */
async function holdSlots(): Promise<void> {
  for (let slot = 0; slot < SLOTS; slot += 1) await client.id(task(0, { hold: true }));
  await eventually(async () => gates.length === SLOTS);
}

async function submitBulk(count: number, priorities: readonly number[] = [0]): Promise<void> {
  const tasks = Array.from({ length: count }, (_, n) => task(priorities[n % priorities.length]));
  const { status, body } = await client.ask('POST', '/submit/bulk', { tasks });
  expect([status, body.submitted]).toEqual([200, count]);
}

async function count(what: string): Promise<number> {
  const [row] = await backend.database.query<{ n: number }>(`select count(*)::int as n from ${what}`);
  return row!.n;
}

describe('an urgent task', () => {
  it('overtakes 10,000 waiting ones', async () => {
    const worker = await startWorker({ queues: LINES, concurrency: SLOTS });
    // How long the tasks take is known then, so that they travel in the largest parcels: the hardest case.
    await client.result(await client.id(task()));
    await holdSlots();
    for (let request = 0; request < 10; request += 1) await submitBulk(1_000);
    await eventually(async () => (await count('dispatches where pool is not null')) === MOST_DISPATCHES_OUT);
    const before = worker.taken.length;

    const urgent = await client.id(task(URGENT));
    expect(await count(`dispatches where pool is null and queue = 'high_priority'`)).toBe(1);
    expect(await count(`runs where state = 'queued' and queue = 'default'`)).toBe(10_000);
    openGates();
    expect((await client.result(urgent, 60)).status).toBe('finished');
    await worker.stop();

    const handled = worker.taken.slice(before).map(({ run_id }) => run_id);
    const ahead = handled.indexOf(urgent);
    expect(ahead).toBeGreaterThanOrEqual(0);
    expect(ahead).toBeLessThanOrEqual(MOST_DISPATCHES_OUT * MAX_PARCEL_RUNS);
    process.stderr.write(`${ahead} of 10,000 were handled before the urgent one\n`);
    expect(await brokenInvariants(backend.database)).toEqual([]);
  });

  it('is taken at once by a worker of its own line, which nothing else ever reaches', async () => {
    const general = await startWorker({ queues: LINES, concurrency: SLOTS });
    const dedicated = await startWorker({ queues: ['high_priority'], concurrency: 1 });
    await holdSlots();
    const waiting = 200;
    await submitBulk(waiting, [0, 5, -1, -100]);
    await eventually(async () => (await count('dispatches where pool is not null')) === MOST_DISPATCHES_OUT);
    expect(dedicated.taken.length).toBe(0);

    const urgent = [await client.id(task(6)), await client.id(task(URGENT)), await client.id(task(100))];
    for (const id of urgent) expect((await client.result(id, 60)).status).toBe('finished');
    // All the while nobody else could have taken them.
    expect([gates.length, general.taken.length]).toEqual([SLOTS, SLOTS]);

    openGates();
    await eventually(async () => (await count('dispatches')) === 0);
    expect(dedicated.taken.map(({ run_id }) => run_id).sort()).toEqual(urgent.sort());
    expect(general.taken).toHaveLength(SLOTS + waiting);
    expect(await brokenInvariants(backend.database)).toEqual([]);
  });
});
