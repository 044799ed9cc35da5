import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ClaimedRun, DispatchMessage, Report } from '@longshore/contracts';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import type { Session } from '../sessions/sessions.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { ended, startModel, type TestModel } from '../testing/model.ts';

let postgres: TestPostgres;
let model: TestModel;
/** A second backend on the same database. */
let other: TestModel;
let databases = 0;

beforeAll(async () => {
  postgres = await startPostgres();
}, 60_000);
afterAll(() => postgres.stop());
beforeEach(async () => {
  databases += 1;
  const url = await postgres.createDatabase(`cancel${databases}`);
  model = await startModel(url, { concurrency: 200 });
  other = await startModel(url, { concurrency: 200 });
});
afterEach(async () => {
  try {
    expect(await brokenInvariants(model.database)).toEqual([]);
  } finally {
    await Promise.all([model.stop(), other.stop()]);
  }
});

const count = async (sql: string) =>
  Number((await model.database.query<{ n: string }>(`select count(*) as n from ${sql}`))[0]!.n);

const beat = (session: Session, by = model) =>
  by.sessions.heartbeat(session, { active: 1, loop_age_ms: 0, state: 'active' });

const lapse = (session: Session) =>
  model.database.query(`update sessions set seen_at = now() - interval '1 hour' where id = $1`, [session.id]);

/** Claims all there is, in as many rounds as it takes. */
async function claimAll(session: Session): Promise<ClaimedRun[]> {
  const runs: ClaimedRun[] = [];
  for (let more = await model.claimAll(session); more.length > 0; more = await model.claimAll(session))
    runs.push(...more);
  return runs;
}

/** Does what a worker does with the news of a heartbeat: lets go. */
async function heed(session: Session): Promise<void> {
  const { cancelled } = await beat(session);
  const reports = cancelled.map(({ run_id, epoch }) => {
    const claims = { runId: run_id, epoch, organisationId: '', executionId: run_id, task: 'work' };
    return { run_id, epoch, token: model.tokens.issue(claims, 60_000), outcome: 'released' as const };
  });
  if (reports.length > 0) await model.report(reports);
  expect((await beat(session)).cancelled).toEqual([]);
}

/** Claims and succeeds everything until nothing is left. */
async function drain(session: Session): Promise<ClaimedRun[]> {
  const all: ClaimedRun[] = [];
  for (let runs = await claimAll(session); runs.length > 0; runs = await claimAll(session)) {
    all.push(...runs);
    await model.report(runs.map((run) => ended.well(run)));
  }
  return all;
}

/** A plan that was fanned out. */
async function fannedOut(session: Session, keys: readonly string[], maxParallel: number | null = null) {
  const id = await model.submit('plan');
  const [plan] = await model.claimAll(session);
  await model.report([ended.inChildren(plan!, keys, maxParallel)]);
  return { id, plan: plan! };
}

const childOf = async (id: string, key: string) =>
  (
    await model.database.query<{ id: string }>('select id from runs where parent_id = $1 and key = $2', [
      id,
      key,
    ])
  )[0]!.id;

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
  }, 60_000);

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
  }, 60_000);

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
  }, 60_000);

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
  }, 60_000);

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
  }, 60_000);

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
  }, 60_000);

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
  }, 120_000);

  it('of many trees at once with all that may happen to them: nobody waits for the other for good', async () => {
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
  }, 120_000);
});

describe('the end statement', () => {
  it('has nothing to do without ends', async () => {
    expect(await model.endAttempts([])).toEqual([]);
  });
});
