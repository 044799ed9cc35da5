import { describe, expect, it, jest } from '@jest/globals';
import type { ClaimedRun, TaskLimit } from '@longshore/contracts';
import { createOrganisation } from '../testing/waiting-lines.ts';
import { ended } from '../testing/model.ts';
import { twoBackends } from '../testing/two-backends.ts';
import { limitedRuns, limitedWorker, repeated } from './limited-work.fixture.ts';

jest.setTimeout(90_000);

const { current, count, lapse, overdue } = twoBackends();
const model = () => current().model;

const inputOf = (run: ClaimedRun) => run.input as { customer_id?: string };
const customers = (runs: readonly ClaimedRun[]) => runs.map((run) => inputOf(run).customer_id);
const inTurn = (count: number, customer_id: string) => repeated(count, { customer_id });
const setup = (...limits: TaskLimit[]) => limitedWorker(model(), limits);

/** Claims and ends everything, `most` at once is what may be in hand; answers in the order claimed. */
async function workOff(session: Parameters<ReturnType<typeof model>['claimAll']>[0]) {
  const waves: ClaimedRun[][] = [];
  for (let runs = await model().claimAll(session); runs.length > 0; runs = await model().claimAll(session)) {
    waves.push(runs);
    await model().report(runs.map((run) => ended.well(run)));
  }
  return waves;
}

describe('a limit of concurrency', () => {
  it('per task lets so many run at once, and the next when one ends', async () => {
    const session = await setup({ per: 'task', concurrency: 4 });
    await limitedRuns(model(), repeated(20));
    const first = await model().claimAll(session);
    expect(first).toHaveLength(4);
    expect(await model().claimAll(session)).toEqual([]);
    await model().report([ended.well(first[0]!)]);
    const second = await model().claimAll(session);
    expect(second).toHaveLength(1);
    await model().report([...first.slice(1), ...second].map((run) => ended.well(run)));
    expect((await workOff(session)).map((wave) => wave.length)).toEqual([4, 4, 4, 3]);
    expect(await count('limit_permits')).toBe(0);
  });

  it('per organisation counts each apart', async () => {
    const session = await setup({ per: 'organisation', concurrency: 2 });
    const other = await createOrganisation(model().database);
    await limitedRuns(model(), repeated(10));
    await limitedRuns(model(), repeated(3), { organisationId: other });
    const runs = await model().claimAll(session);
    expect(runs.filter((run) => run.organisation_id === other)).toHaveLength(2);
    expect(runs).toHaveLength(4);
    await model().report(runs.map((run) => ended.well(run)));
    await workOff(session);
  });

  it('per field of the input counts each value apart, of each organisation, and all without it together', async () => {
    const session = await setup({ per: 'input.customer_id', concurrency: 1 });
    const other = await createOrganisation(model().database);
    await limitedRuns(model(), [...inTurn(3, 'a'), ...inTurn(3, 'b'), {}, {}, { customer_id: null }, []]);
    await limitedRuns(model(), inTurn(2, 'a'), { organisationId: other });
    const first = await model().claimAll(session);
    expect(customers(first).map(String).sort()).toEqual(['a', 'a', 'b', 'undefined']);
    await model().report(first.map((run) => ended.well(run)));
    await workOff(session);
  });

  it('holds together with all others', async () => {
    const session = await setup(
      { per: 'task', concurrency: 3 },
      { per: 'input.customer_id', concurrency: 1 },
    );
    await limitedRuns(
      model(),
      ['a', 'a', 'a', 'b', 'b', 'c', 'd', 'e'].map((customer_id) => ({ customer_id })),
    );
    const waves = await workOff(session);
    for (const wave of waves) {
      expect(new Set(customers(wave)).size).toBe(wave.length);
      expect(wave.length).toBeLessThanOrEqual(3);
    }
    expect(waves.flat()).toHaveLength(8);
  });

  it('lets nobody overtake under one key, but what is more urgent', async () => {
    const session = await setup({ per: 'task', concurrency: 1 });
    const usual = await limitedRuns(model(), repeated(5));
    const urgent = await limitedRuns(model(), repeated(2), { priority: 5 });
    const order = (await workOff(session)).flat().map((run) => run.run_id);
    expect(order).toEqual([...urgent, ...usual]);
  });

  it('is not broken by parcels of a backend that does not know of it yet, published or not', async () => {
    const session = await setup({ per: 'task', concurrency: 2 });
    const ids = await limitedRuns(model(), repeated(6));
    await model().database.query('delete from dispatches');
    await model().database.query(
      `insert into dispatches (id, organisation_id, task, queue, priority, run_ids, remaining, ready, due, pool, publications)
       select uuid_v7(), $1, 'work', 'default', 0, p.ids, 3, true, now() + interval '1 minute', p.pool, 1
         from (values ($2::uuid[], $4), ($3::uuid[], null)) as p (ids, pool)`,
      [model().organisationId, ids.slice(0, 3), ids.slice(3), session.pool],
    );
    expect((await workOff(session)).map((wave) => wave.length)).toEqual([2, 2, 2]);
  });
});

describe('permits', () => {
  it('come back when a worker dies, hands back, fails to be retried, waits for children, or is cancelled', async () => {
    const session = await setup({ per: 'task', concurrency: 1 });
    const [id] = await limitedRuns(model(), repeated(1));
    await model().claimAll(session);
    await lapse(session);
    await model().reconcile();
    const next = await setup({ per: 'task', concurrency: 1 });
    const [again] = await model().claimAll(next);
    expect(again!.run_id).toBe(id);
    await model().report([ended.back(again!)]);
    const [third] = await model().claimAll(next);
    await model().report([ended.badly(third!, 0)]);
    const [fourth] = await model().claimAll(next);
    await model().report([ended.inChildren(fourth!, ['x', 'y'])]);
    const [child] = await model().claimAll(next);
    expect(child!.run_id).not.toBe(id);
    await model().cancel(id!);
    expect(await count('limit_permits')).toBe(1);
    await model().report([ended.well(child!)]);
    expect(await count('limit_permits')).toBe(0);
  });

  it('of messages that the broker lost are taken with the next publication, not twice', async () => {
    const session = await setup({ per: 'task', concurrency: 2 });
    await limitedRuns(model(), repeated(5));
    expect(await model().delivered()).toHaveLength(2);
    for (let lost = 0; lost < 3; lost += 1) {
      await overdue();
      await model().reconcile();
      expect(await model().delivered()).toHaveLength(2);
      expect(await count('limit_permits')).toBe(2);
    }
    await overdue();
    await model().reconcile();
    expect((await workOff(session)).flat()).toHaveLength(5);
  });

  it('are given again when what they were for was cancelled while it waited in the broker', async () => {
    const session = await setup({ per: 'task', concurrency: 1 });
    const [first, second] = await limitedRuns(model(), repeated(2));
    expect(await model().delivered()).toHaveLength(1);
    await model().cancel(first!);
    const [run] = await model().claimAll(session);
    expect(run!.run_id).toBe(second);
    await model().report([ended.well(run!)]);
  });

  it('wait for what is deferred only from its time on', async () => {
    const session = await setup({ per: 'task', concurrency: 1 });
    await limitedRuns(model(), repeated(2));
    const [first] = await model().claimAll(session);
    await model().report([ended.badly(first!, 60_000)]);
    const [second] = await model().claimAll(session);
    await model().database.query('update dispatches set due = now() where not ready');
    await model().reconcile();
    expect(await model().claimAll(session)).toEqual([]);
    await model().report([ended.well(second!)]);
    const [retry] = await model().claimAll(session);
    expect(retry!.run_id).toBe(first!.run_id);
    await model().report([ended.well(retry!)]);
  });
});

describe('what waits for a limit', () => {
  it("is in nobody else's way: ten thousand of one key beside ten of another and what has no limit", async () => {
    await setup({ per: 'input.customer_id', concurrency: 10 });
    for (let n = 0; n < 10; n += 1) await limitedRuns(model(), inTurn(1_000, 'large'));
    const session = await setup({ per: 'input.customer_id', concurrency: 10 });
    await limitedRuns(model(), inTurn(10, 'small'));
    await model().submit('plan');
    const runs = await model().claimAll(session);
    expect(customers(runs).filter((customer) => customer === 'large')).toHaveLength(10);
    expect(customers(runs).filter((customer) => customer === 'small')).toHaveLength(10);
    expect(runs).toHaveLength(21);
    await model().database.query(`delete from dispatches`);
    await model().database.query(`delete from runs`);
    await model().database.query(`delete from live_executions`);
  });

  it('goes on as soon as a run of another pool ends, without a poll', async () => {
    const here = await setup({ per: 'task', concurrency: 1 });
    const there = await limitedWorker(model(), [{ per: 'task', concurrency: 1 }], {
      worker: 'other',
      queues: ['second'],
    });
    await limitedRuns(model(), repeated(1));
    const [run] = await model().claimAll(here);
    await limitedRuns(model(), repeated(1), { queue: 'second' });
    expect(await model().claimAll(there)).toEqual([]);
    await model().report([ended.well(run!)]);
    await model().dispatcher.idle();
    const answers = await model().claim(there, model().broker.take());
    const [next] = answers.answers.flatMap((answer) => answer.runs);
    await model().report([ended.well(next!)]);
  });

  it('of a queue that nobody serves holds nothing that another queue could use', async () => {
    const session = await setup({ per: 'task', concurrency: 1 });
    await limitedRuns(model(), repeated(5), { queue: 'nobody' });
    await limitedRuns(model(), repeated(3));
    expect((await workOff(session)).flat()).toHaveLength(3);
    const late = await limitedWorker(model(), [{ per: 'task', concurrency: 1 }], {
      worker: 'late',
      queues: ['nobody'],
    });
    expect((await workOff(late)).flat()).toHaveLength(5);
  });
});

describe('new limits of a task', () => {
  it('hold for what waits and count what runs, whether they are others, more, or none', async () => {
    const session = await setup();
    await limitedRuns(model(), inTurn(30, 'a'));
    const unlimited = await model().claimAll(session);
    expect(unlimited).toHaveLength(30);
    await limitedRuns(model(), inTurn(30, 'a'));
    await setup({ per: 'task', concurrency: 31 });
    expect(await model().claimAll(session)).toHaveLength(1);
    await setup({ per: 'task', concurrency: 35 });
    const five = await model().claimAll(session);
    expect(five).toHaveLength(4);
    await setup({ per: 'input.customer_id', concurrency: 36 });
    expect(await model().claimAll(session)).toHaveLength(1);
    await setup({ per: 'input.customer_id', concurrency: 2 });
    await model().report(unlimited.map((run) => ended.well(run)));
    expect(await model().claimAll(session)).toEqual([]);
    await setup();
    expect(await model().claimAll(session)).toHaveLength(24);
    const running = await model().database.query<{ id: string }>(
      `select id from runs where state = 'running'`,
    );
    for (const { id } of running) await model().cancel(id);
    expect(await count('limit_permits')).toBe(0);
  });
});
