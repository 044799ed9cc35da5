import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ClaimedRun, DispatchMessage, Report } from '@longshore/contracts';
import type { Session } from '../sessions/sessions.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { ended, type TestModel } from '../testing/model.ts';
import { inBatches, shuffled, twoBackends } from '../testing/two-backends.ts';

const { current, count, lapse, overdue, claimAfresh, claimAllOf, drain } = twoBackends();
let model: TestModel;
/** A second backend on the same database. */
let other: TestModel;
beforeEach(() => {
  ({ model, other } = current());
});

describe('failure mode 23: reports that touch the same parents', () => {
  it('in shuffled orders from four workers do not fail, and count exactly', async () => {
    const session = await model.session();
    await other.refresh();
    for (let round = 0; round < 10; round += 1) {
      for (let i = 0; i < 20; i += 1) await model.submit('plan');
      const plans = await model.claimAll(session);
      const keys = Array.from({ length: 10 }, (_, key) => `${key}`);
      await model.report(plans.map((plan) => ended.inChildren(plan, keys)));
      const runs = await claimAllOf(session);
      expect(runs).toHaveLength(200);
      const batches = inBatches(shuffled(runs), 10);
      const workers = [model, other, model, other].map(async (backend, worker) => {
        for (const batch of batches.filter((_, i) => i % 4 === worker))
          await backend.report(
            shuffled(batch).map((run) => (Math.random() < 0.2 ? ended.badly(run, 0) : ended.well(run))),
          );
      });
      await Promise.all(workers);
      expect((await drain(session)).filter((run) => run.task === 'finish')).toHaveLength(20);
      expect(await brokenInvariants(model.database)).toEqual([]);
    }
    expect(await count(`runs where state <> 'succeeded'`)).toBe(0);
    const [{ deadlocks }] = (await model.database.query<{ deadlocks: number }>(
      'select deadlocks::int from pg_stat_database where datname = current_database()',
    )) as [{ deadlocks: number }];
    expect(deadlocks).toBe(0);
  });
});

describe('any order of events', () => {
  it.each([1, 2, 3])(
    'leaves nothing behind: two backends, sessions that come and go, runs cancelled, messages lost and repeated (%d)',
    async () => {
      for (const backend of [model, other]) backend.catalogue.observe('work', 10);
      const bag: DispatchMessage[] = [];
      const held: ClaimedRun[] = [];
      const sessions: Session[] = [];
      const failures: unknown[] = [];
      const any = <T>(items: readonly T[]): T => items[Math.floor(Math.random() * items.length)]!;
      const backend = () => any([model, other]);
      const reportOf = (run: ClaimedRun): Report => {
        if (run.task === 'plan' && Math.random() < 0.8)
          return ended.inChildren(
            run,
            ['a', 'b', 'c', 'd', 'e', 'f'].slice(Math.floor(Math.random() * 7)),
            any([null, 1, 2]),
          );
        return any([
          ended.well(run),
          ended.well(run),
          ended.well(run),
          ended.badly(run, 0),
          ended.badly(run),
          ended.back(run),
        ]);
      };
      const cancelAnything = async () => {
        const [run] = await model.database.query<{ id: string }>(
          `select id from runs where state not in ('succeeded', 'failed', 'cancelled') order by random() limit 1`,
        );
        if (run !== undefined)
          expect((await backend().cancel(run.id))!.state).toMatch(/^(?!queued|running|waiting)/);
      };
      const hears = async () => {
        const session = any(sessions);
        const { cancelled } = await backend().sessions.heartbeat(session, {
          ...{ active: 1, loop_age_ms: 0, state: 'active' },
        });
        const heard = held.filter((run) =>
          cancelled.some(({ run_id, epoch }) => run_id === run.run_id && epoch === run.epoch),
        );
        if (heard.length > 0)
          await backend().report([...new Map(heard.map((run) => [run.run_id, ended.back(run)])).values()]);
      };
      const actions: (() => Promise<unknown>)[] = [
        hears,
        hears,
        async () => backend().submit(any(['plan', 'plan', 'work'])),
        async () => sessions.push(await backend().session()),
        async () => lapse(any(sessions)),
        cancelAnything,
        cancelAnything,
        async () => backend().sessions.end(any(sessions)),
        async () => backend().reconcile(),
        async () => backend().reconcile(),
        overdue,
        async () => backend().refresh(),
        () => model.database.query(`update pool_leases set expires_at = now() - interval '1 s'`),
        ...Array.from({ length: 6 }, () => async () => {
          const taken = [...model.broker.take(), ...other.broker.take()];
          bag.push(...taken.filter(() => Math.random() < 0.9));
          const some = Array.from({ length: 5 }, () => any(bag)).filter((each) => each !== undefined);
          if (some.length === 0) return;
          const { answers } = await backend().claim(any(sessions), some);
          held.push(...answers.flatMap((answer) => answer.runs));
        }),
        ...Array.from({ length: 8 }, () => async () => {
          const some = [
            ...new Map(
              Array.from({ length: 6 }, () => any(held))
                .filter((run) => run !== undefined)
                .map((run) => [run.run_id, run]),
            ).values(),
          ];
          if (some.length === 0) return;
          await backend().report(some.map(reportOf));
          const { token } = some[0]!;
          await backend().journal.progress([{ token, percentage: 5, message: null, data: null }]);
        }),
      ];
      sessions.push(await model.session());
      await Promise.all([model.catalogue.refresh(), other.catalogue.refresh()]);
      const actor = async () => {
        for (let step = 0; step < 120; step += 1)
          await any(actions)().catch((error: unknown) => failures.push(error));
      };
      for (let i = 0; i < 10; i += 1) await model.submit('plan');
      for (let phase = 0; phase < 3; phase += 1) {
        await Promise.all(Array.from({ length: 6 }, actor));
        expect(await brokenInvariants(model.database)).toEqual([]);
      }
      expect(failures).toEqual([]);
      await model.database.query(`update pool_leases set expires_at = now() - interval '1 s'`);
      const last = await model.session();
      // Once at least: what was cancelled may still lie with sessions that have not heard of it.
      for (let pass = 0; pass === 0 || (pass < 20 && (await count('live_executions')) > 0); pass += 1) {
        const runs = await claimAfresh(last);
        await model.report(runs.map((run) => ended.well(run)));
        await drain(last);
      }
      expect(await count(`runs where state not in ('succeeded', 'failed', 'cancelled')`)).toBe(0);
      expect(await count(`runs where state = 'cancelled'`)).toBeGreaterThan(0);
      await model.sessions.end(last);
      await model.reconcile();
      expect([await count('dispatches'), await count('cancellations')]).toEqual([0, 0]);
    },
  );
});
