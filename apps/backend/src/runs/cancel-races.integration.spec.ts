import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { DispatchMessage, Report } from '@longshore/contracts';
import type { Session } from '../sessions/sessions.ts';
import { eventually } from '../testing/http-client.ts';
import { cancelling } from '../testing/cancelling.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { ended, type TestModel } from '../testing/model.ts';
import { twoBackends } from '../testing/two-backends.ts';
import { createCancel } from './cancel.ts';

const { current, count, lapse, drain, claimAllOf: claimAll } = twoBackends();
let model: TestModel;
/** A second backend on the same database. */
let other: TestModel;
beforeEach(() => {
  ({ model, other } = current());
});
const { beat, heed, fannedOut, childOf } = cancelling(() => model);

describe('races', () => {
  // A deadlock would be retried, after a second in which both sides stand still.
  afterEach(async () => {
    const [{ deadlocks }] = (await model.database.query<{ deadlocks: number }>(
      'select deadlocks::int from pg_stat_database where datname = current_database()',
    )) as [{ deadlocks: number }];
    expect(deadlocks).toBe(0);
  });

  const ROUNDS = 60;

  /** What must hold whoever won: the tree has one end, and a cancelled one has nothing alive in it. */
  async function settle(id: string, session: Session, cancelled: Awaited<ReturnType<TestModel['cancel']>>) {
    expect(await brokenInvariants(model.database)).toEqual([]);
    const { state } = await model.run(id);
    if (cancelled!.state === 'cancelled') expect(state).toBe('cancelled');
    else expect(state).toBe(cancelled!.state);
    await drain(session);
    await heed(session);
    expect(await count('dispatches')).toBe(0);
    expect(await model.run(id)).toMatchObject({ state });
    expect(await count(`runs where root_id = '${id}' and state in ('queued', 'running', 'waiting')`)).toBe(0);
  }

  /** Whatever the session still had in its hands goes with it. */
  async function leave(session: Session) {
    await model.sessions.end(session);
    await model.reconcile();
    expect([await count('dispatches'), await count('cancellations')]).toEqual([0, 0]);
  }

  it('against a claim: granted or gone, never both', async () => {
    const session = await model.session();
    for (let round = 0; round < ROUNDS; round += 1) {
      const id = await model.submit('work');
      const messages = await model.delivered();
      const [cancelled, { answers }] = await Promise.all([other.cancel(id), model.claim(session, messages)]);
      const granted = answers.flatMap((answer) => answer.runs);
      const told = (await beat(session)).cancelled.filter(({ run_id }) => run_id === id);
      expect(told).toHaveLength(granted.length);
      await settle(id, session, cancelled);
    }
    await leave(session);
  });

  it('against a report: it ended before or it was cancelled, and the client hears the same', async () => {
    const session = await model.session();
    for (let round = 0; round < ROUNDS; round += 1) {
      const id = await model.submit('work');
      const [run] = await model.claimAll(session);
      const [cancelled, [answer]] = await Promise.all([
        other.cancel(id),
        model.report([round % 3 === 0 ? ended.badly(run!, 0) : ended.well(run!)]),
      ]);
      if (answer!.answer === 'superseded') expect(cancelled!.state).toBe('cancelled');
      await settle(id, session, cancelled);
    }
    await leave(session);
  });

  it('against a fan-out: its children are cancelled with it or never made', async () => {
    const session = await model.session();
    await Promise.all([other.refresh(), other.catalogue.refresh()]);
    for (let round = 0; round < ROUNDS; round += 1) {
      const id = await model.submit('plan');
      const [plan] = await model.claimAll(session);
      const keys = ['a', 'b', 'c', 'd'].slice(round % 5);
      const [cancelled] = await Promise.all([
        model.cancel(id),
        other.report([ended.inChildren(plan!, keys, round % 2 === 0 ? 1 : null)]),
      ]);
      expect(cancelled!.state).toBe('cancelled');
      await settle(id, session, cancelled);
    }
    await leave(session);
  });

  it('against the reports of its children, which open siblings and make the continuation', async () => {
    const session = await model.session();
    await Promise.all([other.refresh(), other.catalogue.refresh()]);
    for (let round = 0; round < ROUNDS; round += 1) {
      const { id } = await fannedOut(session, ['a', 'b', 'c', 'd', 'e'].slice(round % 4), 1 + (round % 3));
      const runs = await claimAll(session);
      const [cancelled] = await Promise.all([
        other.cancel(id),
        ...runs.map((run) => model.report([ended.well(run)])),
      ]);
      await settle(id, session, cancelled);
    }
    await leave(session);
  });

  it('of a child behind max_parallel against the report that gives it its turn', async () => {
    const session = await model.session();
    await Promise.all([other.refresh(), other.catalogue.refresh()]);
    for (let round = 0; round < ROUNDS; round += 1) {
      const { id } = await fannedOut(session, ['a', 'b', 'c'], 1);
      const b = await childOf(id, 'b');
      const [a] = await claimAll(session);
      const [cancelled] = await Promise.all([other.cancel(b), model.report([ended.well(a!)])]);
      expect(cancelled).toEqual({ state: 'cancelled', runs: 1 });
      expect(await brokenInvariants(model.database)).toEqual([]);
      expect((await drain(session)).map((run) => run.task)).toEqual(['work', 'finish']);
      expect((await model.run(id))['state']).toBe('succeeded');
    }
    await leave(session);
  });

  it('of a child further behind it, which commits while the report that gives it its turn waits', async () => {
    const session = await model.session();
    const { id } = await fannedOut(session, ['a', 'b', 'c', 'd'], 1);
    const c = await childOf(id, 'c');
    const [first] = await claimAll(session);
    const written = Promise.withResolvers<void>();
    const commit = Promise.withResolvers<void>();
    const { database } = model;
    const late: TestModel['database'] = {
      ...database,
      transaction: (work) =>
        database.transaction(async (client) => {
          const done = await work(client);
          written.resolve();
          await commit.promise;
          return done;
        }),
    };
    const cancelled = createCancel({ ...model, database: late })(c);
    await written.promise;
    const reported = model.report([ended.well(first!)]);
    const waiting = `pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    await eventually(async () => (await count(waiting)) > 0);
    commit.resolve();
    expect(await cancelled).toEqual({ state: 'cancelled', runs: 1 });
    await reported;
    expect(await brokenInvariants(database)).toEqual([]);
    expect((await drain(session)).map((run) => run.task)).toEqual(['work', 'work', 'finish']);
    await leave(session);
  });

  it('against a lapse and the next claim', async () => {
    for (let round = 0; round < ROUNDS / 2; round += 1) {
      const gone = await model.session();
      const id = await model.submit('work');
      await model.claimAll(gone);
      await lapse(gone);
      const session = await other.session();
      const [cancelled] = await Promise.all([other.cancel(id), model.reconcile(), other.reconcile()]);
      expect(cancelled!.state).toBe('cancelled');
      await model.reconcile();
      await settle(id, session, cancelled);
      await leave(session);
    }
  });

  it('against other cancels, of the tree, of parts of it, on both backends', async () => {
    const session = await model.session();
    await Promise.all([other.refresh(), other.catalogue.refresh()]);
    for (let round = 0; round < ROUNDS; round += 1) {
      const { id } = await fannedOut(session, ['a', 'b', 'c', 'd'], round % 2 === 0 ? 2 : null);
      const [first, ...rest] = await claimAll(session);
      await model.report([ended.inChildren(first!, ['x', 'y'])]);
      const inner = await claimAll(session);
      const targets = [
        id,
        first!.run_id,
        ...rest.map((run) => run.run_id),
        ...inner.map((run) => run.run_id),
      ];
      const whole = round % 2 === 0 ? [id, id] : [];
      const cancelled = await Promise.all(
        [...whole, ...targets.slice(1), ...targets.slice(1)].map((run, i) =>
          [model, other][i % 2]!.cancel(run),
        ),
      );
      expect(new Set(cancelled.map((each) => each!.state))).toEqual(new Set(['cancelled']));
      await heed(session);
      expect(await count('dispatches where session_id is not null')).toBe(0);
      const moved = cancelled.reduce((sum, each) => sum + each!.runs, 0);
      expect(moved).toBe(await count(`runs where root_id = '${id}' and state = 'cancelled'`));
      expect(await brokenInvariants(model.database)).toEqual([]);
      await drain(session);
      expect((await model.run(id))['state']).toBe(whole.length > 0 ? 'cancelled' : 'succeeded');
    }
    await leave(session);
  });

  it('failure mode 23: of many trees at once with all that may happen to them: nobody waits for the other for good', async () => {
    const session = await model.session();
    await Promise.all([other.refresh(), other.catalogue.refresh()]);
    for (const backend of [model, other]) backend.catalogue.observe('work', 1);
    for (let round = 0; round < 8; round += 1) {
      const ids: string[] = [];
      for (let i = 0; i < 12; i += 1) ids.push(await model.submit('plan'));
      const plans = await claimAll(session);
      const keys = Array.from({ length: 8 }, (_, key) => `${key}`);
      await model.report(plans.map((plan) => ended.inChildren(plan, keys, 4)));
      const runs = await claimAll(session);
      const half = ids.filter((_, i) => i % 2 === 0);
      const reports = (backend: TestModel, part: number) =>
        backend.report(
          runs
            .filter((_, i) => i % 3 === part)
            .map((run): Report => (part === 2 ? ended.badly(run, 0) : ended.well(run))),
        );
      const messages: DispatchMessage[] = [...model.broker.take(), ...other.broker.take()];
      await Promise.all([
        reports(model, 0),
        ...half.map((id, i) => [model, other][i % 2]!.cancel(id)),
        reports(other, 1),
        reports(model, 2),
        ...(messages.length === 0 ? [] : [model.claim(session, messages)]),
        other.reconcile(),
      ]);
      expect(await brokenInvariants(model.database)).toEqual([]);
      for (let pass = 0; pass < 5 && (await count('live_executions')) > 0; pass += 1) {
        const held = await model.database.query<{ id: string; epoch: number }>(
          `select id, epoch from runs where state = 'running'`,
        );
        await model.endAttempts(
          held.map(({ id, epoch }) => ({
            ...{ runId: id, epoch, executionId: id, output: null, error: null, delayMs: 0 },
            to: 'succeeded' as const,
          })),
        );
        await drain(session);
      }
      await heed(session);
      const states = await Promise.all(ids.map(async (id) => (await model.run(id))['state']));
      expect(states).toEqual(ids.map((_, i) => (i % 2 === 0 ? 'cancelled' : 'succeeded')));
    }
    await leave(session);
  });
});
