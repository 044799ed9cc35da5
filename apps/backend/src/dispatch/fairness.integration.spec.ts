import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { brokenInvariants } from '../testing/invariants.ts';
import { startModel, type TestModel } from '../testing/model.ts';
import { truth } from '../testing/templates.ts';
import { createOrganisation, letWait, type Waiting } from '../testing/waiting-lines.ts';

/** Some serve hundreds of publications one pass after the other. */
jest.setTimeout(90_000);

let postgres: TestPostgres;
let model: TestModel;
let url: string;
let databases = 0;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  url = await postgres.createDatabase(`fairness${(databases += 1)}`, truth);
  model = await startModel(url);
});
afterEach(async () => {
  try {
    expect(await brokenInvariants(model.database)).toEqual([]);
  } finally {
    await model.stop();
  }
});

/** Queues of the pool, in order. */
const QUEUES = ['high', 'default', 'low'];
/** What may be out at once for the pool below: twice its slots. */
const ROOM = 4;

const organisation = (weight?: number) => createOrganisation(model.database, weight);
const wait = (waiting: Waiting) => letWait(model.database, waiting);

/** One worker of two slots that knows the tasks named. */
async function startPool(tasks: readonly string[] = ['work'], by: TestModel = model): Promise<void> {
  await by.sessions.register({
    ...{
      worker: 'fair',
      instance: 'fair-1',
      hostname: 'here',
      pid: 1,
      contract_version: 1,
      health_port: null,
    },
    ...{ queues: QUEUES, concurrency: ROOM / 2 },
    tasks: tasks.map((name) => ({
      ...{ name, group: 'General', queue: 'default', description: '', input_schema: {} },
      ...{ max_attempts: 3, soft_limit_ms: 1000, hard_limit_ms: 1000, isolation: 'inline' },
    })),
  });
  // What its coming sets off is over before anything waits.
  await by.dispatcher.idle();
}

interface Served {
  organisation_id: string;
  queue: string;
  priority: number;
  task: string;
  runs: number;
}

/**
 * Publishes until `count` dispatches were handed to the broker, in that order. Each is done the moment it is handed over: it leaves
 * with its runs, and its room is free.
 */
async function serve(count: number, by: TestModel = model): Promise<Served[]> {
  const served: Served[] = [];
  while (served.length < count) {
    const ids = (await by.delivered()).map((message) => message.dispatch_id);
    if (ids.length === 0) break;
    const rows = await by.database.query<Served & { run_ids: string[] }>(
      `select organisation_id, queue, priority, task, cardinality(run_ids) as runs, run_ids
         from dispatches where id = any($1::uuid[]) order by array_position($1::uuid[], id)`,
      [ids],
    );
    served.push(...rows);
    const runs = rows.flatMap((row) => row.run_ids);
    await by.database.query('delete from runs where id = any($1::uuid[])', [runs]);
    await by.database.query('delete from live_executions where id = any($1::uuid[])', [runs]);
    await by.database.query('delete from dispatches where id = any($1::uuid[])', [ids]);
  }
  return served.slice(0, count);
}

const of = (served: readonly Served[], organisationId: string) =>
  served.filter((each) => each.organisation_id === organisationId);

describe('a small organisation', () => {
  it('with ten files is served in turn with one that has thousands before it', async () => {
    const [large, small] = [await organisation(), await organisation()];
    await wait({ organisationId: large, count: 2_000 });
    await startPool();
    await serve(50);
    await wait({ organisationId: small, count: 10 });
    expect(of(await serve(20 + ROOM), small)).toHaveLength(10);
  });

  it('is not crowded out by one whose work is of many tasks', async () => {
    const tasks = Array.from({ length: 30 }, (_, task) => `task-${task}`);
    await startPool(tasks);
    const [large, small] = [await organisation(), await organisation()];
    for (const task of tasks) await wait({ organisationId: large, count: 20, task });
    await wait({ organisationId: small, count: 10, task: 'task-7' });
    expect(of(await serve(20 + ROOM), small)).toHaveLength(10);
  });

  it('is served in turn when another backend goes on', async () => {
    const [large, small] = [await organisation(), await organisation()];
    const other = await startModel(url);
    try {
      await startPool();
      await wait({ organisationId: large, count: 300 });
      await wait({ organisationId: small, count: 30 });
      expect(of(await serve(20), small)).toHaveLength(10);
      await model.release();
      expect(of(await serve(20, other), small)).toHaveLength(10);
    } finally {
      await other.stop();
    }
  });

  it('that comes later starts level with the others, not ahead of them', async () => {
    const [first, second] = [await organisation(), await organisation()];
    await wait({ organisationId: first, count: 800 });
    await startPool();
    await serve(400);
    await wait({ organisationId: second, count: 400 });
    expect(Math.abs(of(await serve(100), second).length - 50)).toBeLessThanOrEqual(ROOM);
  });
});

describe('turns', () => {
  it.each([
    [1, 3],
    [2, 3],
    [1, 10],
  ])('are by weight: %i to %i', async (a, b) => {
    const [light, heavy] = [await organisation(a), await organisation(b)];
    await wait({ organisationId: light, count: 400 });
    await wait({ organisationId: heavy, count: 400 });
    await startPool();
    const served = await serve(400);
    const share = (400 * a) / (a + b);
    expect(Math.abs(of(served, light).length - share)).toBeLessThanOrEqual(ROOM);
  });

  it('of a level are not lost to what is more urgent and comes between', async () => {
    const [urgent, large, small] = [await organisation(), await organisation(), await organisation()];
    await startPool();
    await wait({ organisationId: large, count: 200 });
    await wait({ organisationId: small, count: 100 });
    const seen: Served[] = [];
    for (let round = 0; round < 12; round += 1) {
      await wait({ organisationId: urgent, queue: 'high', count: 8 });
      seen.push(...(await serve(12)));
    }
    expect(of(seen, urgent)).toHaveLength(96);
    expect(Math.abs(of(seen, small).length - of(seen, large).length)).toBeLessThanOrEqual(ROOM);
  });

  it('follow a weight that is changed while they wait', async () => {
    const [one, other] = [await organisation(), await organisation()];
    await wait({ organisationId: one, count: 400 });
    await wait({ organisationId: other, count: 400 });
    await startPool();
    await serve(100);
    await model.database.query('update organisations set weight = 4 where id = $1', [other]);
    expect(of(await serve(100), other).length).toBeGreaterThanOrEqual(80 - ROOM);
  });

  it('are counted in work, not in parcels: fifty runs in one are no cheaper than fifty alone', async () => {
    const [parcels, singles] = [await organisation(), await organisation()];
    await startPool();
    model.catalogue.observe('work', 20);
    await wait({ organisationId: parcels, count: 40, runs: 5 });
    await wait({ organisationId: singles, count: 200 });
    const served = await serve(120);
    const runs = (id: string) => of(served, id).reduce((sum, each) => sum + each.runs, 0);
    expect(runs(parcels) / runs(singles)).toBeGreaterThan(0.8);
    // Handing out a parcel costs something too, so that a little more of what travels together is done.
    expect(runs(parcels) / runs(singles)).toBeLessThan(1.7);
  });

  it('are not lost by what the same organisation has more urgent', async () => {
    const [urgent, plain] = [await organisation(), await organisation()];
    await startPool();
    await wait({ organisationId: plain, count: 300 });
    await wait({ organisationId: urgent, count: 300 });
    await wait({ organisationId: urgent, count: 40, priority: 5 });
    const served = await serve(240);
    expect(served.slice(0, 40).every((each) => each.priority === 5)).toBe(true);
    expect(of(served.slice(40), plain).length).toBeGreaterThanOrEqual(100 - ROOM);
    expect(of(served.slice(40), urgent).length).toBeGreaterThanOrEqual(60);
  });
});

describe('the order', () => {
  it('is that of the queues, then of priority, and first come first served within', async () => {
    const organisationId = await organisation();
    for (const [queue, priority] of [
      ['low', 100],
      ['default', 0],
      ['default', 3],
      ['high', -100],
    ] as const)
      await wait({ organisationId, queue, priority, count: 3 });
    await startPool();
    const seen = (await serve(12)).map(({ queue, priority }) => `${queue} ${priority}`);
    expect(seen).toEqual(
      ['high -100', 'default 3', 'default 0', 'low 100'].flatMap((line) => [line, line, line]),
    );
  });
});

describe('nothing starves for ever', () => {
  /** More urgent work without end. */
  async function flood() {
    const organisationId = await organisation();
    await startPool();
    await wait({ organisationId, queue: 'high', priority: 9, count: 600 });
  }

  it.each([
    ['a lower queue', { queue: 'low', priority: 9 }],
    ['a lower priority', { queue: 'high', priority: -9 }],
  ])('what waited ten minutes in %s gets one publication of ten', async (_what, line) => {
    await flood();
    const organisationId = await organisation();
    await wait({ ...line, organisationId, count: 100, waitedS: 601 });
    const served = await serve(300);
    expect(of(served, organisationId).length).toBeGreaterThanOrEqual(29);
    expect(of(served, organisationId).length).toBeLessThanOrEqual(31);
  });

  it('what waits for less than that gets none', async () => {
    await flood();
    const organisationId = await organisation();
    await wait({ organisationId, queue: 'low', count: 10, waitedS: 500 });
    expect(of(await serve(100), organisationId)).toHaveLength(0);
  });

  it('and those that waited as long take turns as well', async () => {
    await flood();
    const [large, small] = [await organisation(), await organisation()];
    await wait({ organisationId: large, queue: 'low', count: 300, waitedS: 900 });
    await wait({ organisationId: small, queue: 'low', count: 5, waitedS: 700 });
    expect(of(await serve(150), small)).toHaveLength(5);
  });
});
