import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ClaimedRun } from '@longshore/contracts';
import type { Session } from '../sessions/sessions.ts';
import { cancelling } from '../testing/cancelling.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { ended, type TestModel } from '../testing/model.ts';
import { twoBackends } from '../testing/two-backends.ts';

const { current, count, lapse, drain, claimAllOf: claimAll } = twoBackends();
let model: TestModel;
/** A second backend on the same database. */
let other: TestModel;
beforeEach(() => {
  ({ model, other } = current());
});
const { beat, fannedOut, childOf } = cancelling(() => model);

describe('a cancel', () => {
  it('of what nobody claimed ends it at once, and its message finds nothing to claim', async () => {
    const session = await model.session();
    const id = await model.submit('work');
    const messages = await model.delivered();
    expect(await model.cancel(id)).toEqual({ state: 'cancelled', runs: 1 });
    expect(await model.run(id)).toMatchObject({ state: 'cancelled', error: { code: 'cancelled' }, epoch: 0 });
    expect([await count('dispatches'), await count('live_executions'), await count('cancellations')]).toEqual(
      [0, 0, 0],
    );
    const { answers } = await model.claim(session, messages);
    expect(answers).toMatchObject([{ answer: 'refused', reason: 'this dispatch is done', runs: [] }]);
  });

  it('leaves the other runs of a parcel to be claimed', async () => {
    const session = await model.session();
    model.catalogue.observe('work', 1);
    const ids = await Promise.all(['plan', 'plan'].map((task) => model.submit(task)));
    const plans = await model.claimAll(session);
    await model.report(plans.map((plan) => ended.inChildren(plan, ['a', 'b'], 1)));
    await model.report((await claimAll(session)).map((run) => ended.well(run)));
    const messages = await model.delivered();
    expect(messages.map(({ run_ids }) => run_ids.length)).toEqual([2]);
    await model.cancel(ids[0]!);
    expect(await count('dispatches where remaining = 1')).toBe(1);
    const { answers } = await model.claim(session, messages);
    const runs = answers.flatMap((answer) => answer.runs);
    expect(runs.map((run) => run.execution_id)).toEqual([ids[1]]);
    expect(await brokenInvariants(model.database)).toEqual([]);
    await model.report(runs.map((run) => ended.well(run)));
    await drain(session);
    expect((await model.run(ids[1]!))['state']).toBe('succeeded');
  });

  it('of what waits for a retry ends it', async () => {
    const session = await model.session();
    const id = await model.submit('work');
    const [run] = await model.claimAll(session);
    await model.report([ended.badly(run!, 60_000)]);
    expect(await model.cancel(id)).toMatchObject({ runs: 1 });
    expect(await count('dispatches')).toBe(0);
  });

  it('of what runs tells its session with each heartbeat, through any backend, until the run is let go', async () => {
    const session = await model.session();
    const id = await model.submit('work');
    const [run] = await model.claimAll(session);
    expect((await beat(session)).cancelled).toEqual([]);
    await model.cancel(id);
    expect(await model.run(id)).toMatchObject({ state: 'cancelled', epoch: 1 });
    for (const backend of [other, model, other])
      expect((await beat(session, backend)).cancelled).toEqual([{ run_id: id, epoch: 1 }]);
    expect(await count('dispatches where remaining = 1')).toBe(1);
    expect(await brokenInvariants(model.database)).toEqual([]);
    expect(await model.report([ended.back(run!)])).toMatchObject([{ answer: 'superseded' }]);
    expect((await beat(session)).cancelled).toEqual([]);
    expect(await count('dispatches')).toBe(0);
    expect(await model.run(id)).toMatchObject({ state: 'cancelled', output: null });
  });

  it.each([
    ['success', (run: ClaimedRun) => ended.well(run, 'too late')],
    ['failure', (run: ClaimedRun) => ended.badly(run)],
    ['retry', (run: ClaimedRun) => ended.badly(run, 0)],
    ['fan-out', (run: ClaimedRun) => ended.inChildren(run, ['a', 'b'])],
  ] as const)('refuses a later %s, which lets the run go', async (_what, report) => {
    const session = await model.session();
    const id = await model.submit('plan');
    const [run] = await model.claimAll(session);
    await model.cancel(id);
    expect((await other.report([report(run!)]))[0]).toMatchObject({ answer: 'superseded' });
    expect(await model.run(id)).toMatchObject({ state: 'cancelled', output: null });
    expect([await count('runs'), await count('dispatches'), await count('cancellations')]).toEqual([1, 0, 0]);
  });

  it('is not let go by a report of an older epoch, or by one without its token', async () => {
    const session = await model.session();
    const id = await model.submit('work');
    const [late] = await model.claimAll(session);
    await model.report([ended.back(late!)]);
    const [run] = await model.claimAll(session);
    await model.cancel(id);
    await model.report([ended.well(late!)]);
    await model.report([{ ...ended.well(run!), token: late!.token }]);
    expect((await beat(session)).cancelled).toEqual([{ run_id: id, epoch: 2 }]);
    await model.report([ended.well(run!)]);
    expect((await beat(session)).cancelled).toEqual([]);
  });

  it('ends a whole tree: what runs, what waits, what is behind max_parallel, at every depth', async () => {
    const session = await model.session();
    const { id } = await fannedOut(session, ['a', 'b', 'c', 'd', 'e'], 3);
    const outer = await claimAll(session);
    await model.report([
      ended.inChildren(outer[0]!, ['x', 'y', 'z'], 1),
      ended.well(outer[1]!, 'kept'),
      ended.inChildren(outer[2]!, []),
    ]);
    const [x] = await claimAll(session);
    expect(await other.cancel(id)).toMatchObject({ state: 'cancelled' });
    expect(await count(`runs where state not in ('cancelled', 'succeeded')`)).toBe(0);
    expect(await count(`runs where state = 'succeeded' and output = '{"inline": "kept"}'`)).toBe(1);
    expect((await beat(session)).cancelled.map(({ run_id }) => run_id)).toContain(x!.run_id);
    expect(await drain(session)).toEqual([]);
    expect(await count('live_executions')).toBe(0);
    await model.sessions.end(session);
    await model.reconcile();
    expect([await count('dispatches'), await count('cancellations')]).toEqual([0, 0]);
  });

  it('of a child is one child that ended: the siblings go on, the next begins, the continuation sees it', async () => {
    const session = await model.session();
    const { id } = await fannedOut(session, ['a', 'b', 'c'], 1);
    const [a] = await claimAll(session);
    expect(await model.cancel(a!.run_id)).toEqual({ state: 'cancelled', runs: 1 });
    expect(await model.run(id)).toMatchObject({ state: 'waiting', children_pending: 2 });
    const later = await drain(session);
    expect(later.map((run) => run.task)).toEqual(['work', 'work', 'finish']);
    expect(later.at(-1)!.children!.map(({ key, state, error }) => [key, state, error?.code])).toEqual([
      ['a', 'cancelled', 'cancelled'],
      ['b', 'succeeded', undefined],
      ['c', 'succeeded', undefined],
    ]);
    expect((await model.run(id))['state']).toBe('succeeded');
    await model.report([ended.back(a!)]);
  });

  it('of every child, one after the other, brings the continuation', async () => {
    const session = await model.session();
    const { id } = await fannedOut(session, ['a', 'b', 'c', 'd'], 1);
    for (const key of ['c', 'a', 'd', 'b']) await other.cancel(await childOf(id, key));
    expect((await drain(session)).map((run) => run.task)).toEqual(['finish']);
    expect((await model.run(id))['state']).toBe('succeeded');
  });

  it('of a child that fanned out ends what is below it, and counts once above', async () => {
    const session = await model.session();
    const { id } = await fannedOut(session, ['a', 'b']);
    const [a] = await claimAll(session);
    await model.report([ended.inChildren(a!, ['x', 'y', 'z'])]);
    const inner = (await claimAll(session)).filter((run) => run.run_id !== a!.run_id);
    expect(await model.cancel(a!.run_id)).toEqual({ state: 'cancelled', runs: 4 });
    expect(await model.run(id)).toMatchObject({ state: 'waiting', children_pending: 1 });
    await model.report(inner.map((run) => ended.well(run)));
    expect(await count(`runs where key = ''`)).toBe(0);
  });

  it('of a continuation cancels the run that it finishes', async () => {
    const session = await model.session();
    const { id } = await fannedOut(session, []);
    const [finish] = await claimAll(session);
    expect(await model.cancel(finish!.run_id)).toEqual({ state: 'cancelled', runs: 2 });
    expect(await model.run(id)).toMatchObject({ state: 'cancelled' });
    expect((await model.report([ended.well(finish!)]))[0]!.answer).toBe('superseded');
    expect(await count('live_executions')).toBe(0);
  });

  it('of what has ended changes nothing and says how it ended; of what never was, nothing', async () => {
    const session = await model.session();
    const id = await model.submit('work');
    await drain(session);
    expect(await model.cancel(id)).toEqual({ state: 'succeeded', runs: 0 });
    const second = await model.submit('work');
    await model.cancel(second);
    expect(await model.cancel(second)).toEqual({ state: 'cancelled', runs: 0 });
    expect(await model.cancel(crypto.randomUUID())).toBeNull();
  });

  it('wakes who waits for the execution', async () => {
    await model.session();
    const id = await model.submit('work');
    const waited = model.waiters.wait(id, 20_000, new AbortController().signal);
    await model.cancel(id);
    expect(await waited).toBe(true);
  });

  it('reaches a run in a dispatch that was lost', async () => {
    const id = await model.submit('work');
    await model.database.query('delete from dispatches');
    expect(await model.cancel(id)).toEqual({ state: 'cancelled', runs: 1 });
  });

  it('leaves its updates of runs HOT', async () => {
    const session = await model.session();
    const { id } = await fannedOut(session, ['a', 'b', 'c'], 2);
    await claimAll(session);
    await model.cancel(id);
    await model.sessions.end(session);
    await model.reconcile();
    const [updates] = await model.database.query<{ updated: string; hot: string }>(
      `select sum(n_tup_upd) as updated, sum(n_tup_hot_upd) as hot from pg_stat_user_tables where relname like 'runs%'`,
    );
    expect(Number(updates!.hot)).toBe(Number(updates!.updated));
  });
});

describe('what a worker has in its hands', () => {
  it('is forgotten with its session, whether that lapsed or ended, and its dispatch with it', async () => {
    for (const end of [lapse, (session: Session) => model.sessions.end(session)]) {
      const session = await model.session();
      const id = await model.submit('work');
      await model.claimAll(session);
      await model.cancel(id);
      await end(session);
      await model.reconcile();
      expect([await count('dispatches'), await count('cancellations')]).toEqual([0, 0]);
      expect((await model.run(id))['state']).toBe('cancelled');
    }
  });

  it('is forgotten after a minute, since a claim whose answer was lost is never let go', async () => {
    const session = await model.session();
    const id = await model.submit('work');
    const claims = (await model.delivered()).map((message) => ({
      ...message,
      claim_id: crypto.randomUUID(),
    }));
    await model.claims(session, claims);
    await model.cancel(id);
    expect((await model.claims(session, claims)).answers[0]).toMatchObject({ answer: 'refused', runs: [] });
    await model.reconcile();
    expect(await count('cancellations')).toBe(1);
    await model.database.query(`update cancellations set cancelled_at = now() - interval '61 s'`);
    await model.reconcile();
    expect([await count('dispatches'), await count('cancellations')]).toEqual([0, 0]);
  });

  it('does not keep the rest of its parcel', async () => {
    const session = await model.session();
    model.catalogue.observe('work', 1);
    const id = await model.submit('plan');
    const [plan] = await model.claimAll(session);
    model.pools.get(session.pool)!.slots = 1;
    await model.report([ended.inChildren(plan!, ['a', 'b', 'c'])]);
    const runs = await claimAll(session);
    expect(await count('dispatches')).toBe(1);
    await model.cancel(runs[1]!.run_id);
    await model.report([ended.well(runs[0]!), ended.well(runs[2]!)]);
    expect(await count('dispatches where session_id is not null and remaining = 1')).toBe(1);
    await model.report([ended.back(runs[1]!)]);
    expect(await count('dispatches where session_id is not null')).toBe(0);
    await drain(session);
    expect((await model.run(id))['state']).toBe('succeeded');
  });
});

describe('the end statement', () => {
  it('has nothing to do without ends', async () => {
    expect(await model.endAttempts([])).toEqual([]);
  });
});
