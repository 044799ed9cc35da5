import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import type { DispatchMessage } from '@longshore/contracts';
import { brokenInvariants } from '../testing/invariants.ts';
import { ended, startModel, type TestModel } from '../testing/model.ts';
import { truth } from '../testing/templates.ts';
import { createOrganisation, letWait, type Waiting } from '../testing/waiting-lines.ts';

let postgres: TestPostgres;
let model: TestModel;
let organisationId: string;
let databases = 0;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  // One slot: what is handed out is executed in just this order.
  model = await startModel(await postgres.createDatabase(`mixed${(databases += 1)}`, truth), {
    concurrency: 1,
  });
  organisationId = await createOrganisation(model.database);
  for (const task of ['work', 'plan']) model.catalogue.observe(task, 1);
});
afterEach(async () => {
  try {
    expect(await brokenInvariants(model.database)).toEqual([]);
  } finally {
    await model.stop();
  }
});

const wait = (waiting: Partial<Waiting> = {}) =>
  letWait(model.database, { organisationId, count: 1, ...waiting });
const session = async (worker?: string) => {
  const opened = await model.session(worker);
  await model.dispatcher.idle();
  return opened;
};

interface Waited {
  id: string;
  task: string;
  priority: number;
  organisation_id: string;
}

/** What travels together, parcel by parcel. */
async function parcelsOf(messages: readonly DispatchMessage[]): Promise<Waited[][]> {
  const rows = await model.database.query<Waited & Record<string, unknown>>(
    'select id, task, priority, organisation_id from runs where id = any($1::uuid[])',
    [messages.flatMap(({ run_ids }) => run_ids)],
  );
  const byId = new Map(rows.map((row) => [row.id, row]));
  return messages.map(({ run_ids }) => run_ids.map((id) => byId.get(id)!));
}

/** Executes all that waits, a parcel at a time and in that of order. */
async function drain(by: Awaited<ReturnType<typeof session>>): Promise<Waited[][]> {
  const seen: Waited[][] = [];
  for (let messages = await model.delivered(); messages.length > 0; messages = await model.delivered()) {
    seen.push(...(await parcelsOf(messages)));
    const { answers } = await model.claim(by, messages);
    await model.report(answers.flatMap(({ runs }) => runs.map((run) => ended.well(run))));
  }
  return seen;
}

/** Numbers that look like chance and are the same every time. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('parcels of many priorities', () => {
  it('hold what follows each other in the order, fifty at most', async () => {
    const by = await session();
    for (let priority = -100; priority <= 100; priority += 1) await wait({ priority });
    const parcels = await drain(by);
    expect(parcels.flat().map(({ priority }) => priority)).toEqual(
      Array.from({ length: 201 }, (_, index) => 100 - index),
    );
    expect(Math.max(...parcels.map((runs) => runs.length))).toBe(50);
    expect(parcels.length).toBeLessThan(20);
  });

  it('never keep what is urgent waiting: it goes before all that is not handed out yet', async () => {
    const by = await session();
    for (let priority = 1; priority <= 90; priority += 1) await wait({ priority, count: 10 });
    const out = await model.delivered();
    expect(out.flatMap(({ run_ids }) => run_ids)).toHaveLength(100);
    await wait({ priority: 91 });
    await wait({ priority: 89 });
    const { answers } = await model.claim(by, out);
    await model.report(answers.flatMap(({ runs }) => runs.map((run) => ended.well(run))));
    const [first] = await parcelsOf(await model.delivered());
    expect(first!.slice(0, 3).map(({ priority }) => priority)).toEqual([91, 89, 80]);
  });

  it('keep queue, priority and age whatever tasks, organisations and sizes are mixed', async () => {
    const by = await session();
    const chance = numbers(7);
    const organisations = [organisationId, await createOrganisation(model.database)];
    for (let i = 0; i < 80; i += 1)
      await wait({
        organisationId: organisations[chance(2)]!,
        task: ['work', 'plan'][chance(2)]!,
        priority: chance(9),
        count: 1 + chance(3),
        runs: [1, 1, 1, 2, 30][chance(5)]!,
      });
    const waiting = await model.database.query<{ id: string; run_ids: string[] }>(
      'select id, run_ids from dispatches',
    );
    /** The order of age is that of dispatch ids: what was written in one millisecond is of one age. */
    const age = new Map(waiting.flatMap(({ id, run_ids }) => run_ids.map((run) => [run, id])));
    const parcels = await drain(by);
    for (const runs of parcels)
      expect(new Set(runs.map(({ task, organisation_id }) => `${task} ${organisation_id}`)).size).toBe(1);
    const runs = parcels.flat();
    expect(runs.map(({ priority }) => priority)).toEqual(
      runs.map(({ priority }) => priority).toSorted((one, other) => other - one),
    );
    for (const line of Map.groupBy(runs, (run) => `${run.priority} ${run.organisation_id}`).values())
      expect(line.map(({ id }) => age.get(id))).toEqual(line.map(({ id }) => age.get(id)).toSorted());
    expect(parcels.some((each) => new Set(each.map(({ priority }) => priority)).size > 1)).toBe(true);
  });

  it('are made of what is short alone: what was never measured, or fills a slot, travels by itself', async () => {
    const by = await session('general');
    model.catalogue.observe('finish', 200);
    for (const priority of [1, 2, 3]) await wait({ priority, task: 'finish' });
    expect((await drain(by)).map((runs) => runs.length)).toEqual([1, 1, 1]);
  });

  it('leave no slot empty that something waits for', async () => {
    model.catalogue.observe('plan', 400);
    const averageMs = model.catalogue.averageMs('plan')!;
    expect(averageMs).toBeGreaterThan(40);
    await session();
    for (const priority of [1, 2]) await wait({ priority, task: 'plan' });
    expect(await model.delivered()).toHaveLength(2);
  });
});

describe('a parcel that was joined', () => {
  it('leaves out what somebody else has in hand, and that goes later', async () => {
    const by = await session();
    for (const priority of [3, 2, 1]) await wait({ priority });
    await model.database.transaction(async (client) => {
      await client.query('select from dispatches where priority = 3 for update');
      const messages = await model.delivered();
      expect((await parcelsOf(messages)).map((runs) => runs.map(({ priority }) => priority))).toEqual([
        [2, 1],
      ]);
      await model.claim(by, messages);
    });
    expect((await parcelsOf(await model.delivered()))[0]).toMatchObject([{ priority: 3 }]);
  });

  it('counts only runs that are not cancelled, and each of its runs can be cancelled', async () => {
    const by = await session();
    for (const priority of [3, 2, 1]) await wait({ priority, runs: 2 });
    const waiting = await model.database.query<{ run_ids: string[] }>(
      'select run_ids from dispatches order by priority desc',
    );
    const ids = waiting.flatMap(({ run_ids }) => run_ids);
    await model.cancel(ids[1]!);
    const messages = await model.delivered();
    expect(messages.map(({ run_ids }) => run_ids)).toEqual([ids]);
    await model.cancel(ids[4]!);
    expect(await brokenInvariants(model.database)).toEqual([]);
    const { answers } = await model.claim(by, messages);
    expect(answers[0]!.runs.map(({ run_id }) => run_id)).toEqual([ids[0], ids[2], ids[3], ids[5]]);
    await model.report(answers[0]!.runs.map((run) => ended.well(run)));
    expect(await model.database.query('select from dispatches')).toHaveLength(0);
  });

  it('is published again when its message is lost, as it was', async () => {
    const by = await session();
    for (const priority of [3, 2]) await wait({ priority });
    const [lost] = await model.delivered();
    await model.database.query(`update dispatches set due = now() - interval '1 s'`);
    await model.reconcile();
    await wait({ priority: 1 });
    const messages = await model.delivered();
    expect(messages[0]).toEqual(lost);
    expect(messages).toHaveLength(2);
    const { answers } = await model.claim(by, messages);
    expect(answers.map(({ runs }) => runs.length)).toEqual([2, 1]);
  });

  it('is handed out once where two pools serve the queue', async () => {
    await session('general');
    await session('other');
    for (let priority = 1; priority <= 60; priority += 1) await wait({ priority, count: 3 });
    const ids = (await model.delivered()).flatMap(({ run_ids }) => run_ids);
    expect(ids.length).toBeGreaterThanOrEqual(100);
    expect(new Set(ids).size).toBe(ids.length);
    const [left] = await model.database.query<{ n: number }>(
      'select coalesce(sum(remaining), 0)::int as n from dispatches where pool is null',
    );
    expect(ids.length + left!.n).toBe(180);
  });
});
