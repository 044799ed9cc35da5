import { afterAll, afterEach, beforeAll, beforeEach, expect } from '@jest/globals';
import type { ClaimedRun, Report } from '@longshore/contracts';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import type { Session } from '../sessions/sessions.ts';
import { brokenInvariants } from './invariants.ts';
import { ended, startModel, type TestModel } from './model.ts';
import { truth } from './templates.ts';

/** No session lapses by itself, however long a test takes. */
const OPTIONS = { concurrency: 200, sessionTimeoutMs: 1_800_000 };

/**
 * Gives each test of a file two backends on one database of their own, and holds the database against the invariants after it. What it
 * returns is about the pair of the test that runs; `current` gives the pair itself.
 */
export function twoBackends() {
  let postgres: TestPostgres;
  let model: TestModel;
  let other: TestModel;
  let databases = 0;

  beforeAll(async () => {
    postgres = await startPostgres();
  }, 60_000);
  afterAll(() => postgres.stop());
  beforeEach(async () => {
    databases += 1;
    const url = await postgres.createDatabase(`failures${databases}`, truth);
    model = await startModel(url, OPTIONS);
    other = await startModel(url, OPTIONS);
  });
  afterEach(async () => {
    try {
      expect(await brokenInvariants(model.database)).toEqual([]);
    } finally {
      await Promise.all([model.stop(), other.stop()]);
    }
  });
  return { current: () => ({ model, other }), ...actionsOn(() => model) };
}

function actionsOn(model: () => TestModel) {
  const query = <Row extends object>(sql: string, values: unknown[] = []) =>
    model().database.query<Row>(sql, values);
  const count = async (sql: string) =>
    Number((await query<{ n: string }>(`select count(*) as n from ${sql}`))[0]!.n);

  /** Everything that reports, claims and messages may write. Log lines are not state. */
  async function digest(): Promise<string> {
    const tables = ['runs', 'dispatches', 'attempts', 'live_executions'];
    const rows = tables.map((name) =>
      query(`select md5(string_agg(t::text, ',' order by t::text)) as it from ${name} t`),
    );
    return JSON.stringify(await Promise.all(rows));
  }

  const lapse = (session: Session) =>
    query(`update sessions set seen_at = now() - interval '1 hour' where id = $1`, [session.id]);

  /** Makes what is published overdue, as far as nobody is at it. */
  const overdue = () =>
    query(
      `update dispatches set due = now() - interval '1 s'
        where id = any(array(select id from dispatches where ready for update skip locked))`,
    );

  /** Takes back what nobody answers for any more, and claims it. */
  async function claimAfresh(session: Session): Promise<ClaimedRun[]> {
    await query(`update sessions set seen_at = now() - interval '1 hour' where id <> $1`, [session.id]);
    await overdue();
    await model().reconcile();
    return await model().claimAll(session);
  }

  /** Claims all there is, for as long as that makes more ready. */
  async function claimAllOf(session: Session): Promise<ClaimedRun[]> {
    const runs: ClaimedRun[] = [];
    for (let more = await model().claimAll(session); more.length > 0; more = await model().claimAll(session))
      runs.push(...more);
    return runs;
  }

  /** Claims all there is and answers it with `report`, until nothing is left; answers the runs in the order claimed. */
  async function drain(session: Session, report: (run: ClaimedRun) => Report = (run) => ended.well(run)) {
    const all: ClaimedRun[] = [];
    for (;;) {
      await query(`update dispatches set due = now() where not ready`);
      await model().reconcile();
      const runs = await model().claimAll(session);
      if (runs.length === 0) return all;
      all.push(...runs);
      await model().report(runs.map(report));
    }
  }

  /** A running plan that was fanned out, and its claimed children. */
  async function fannedOut(session: Session, children: number, maxParallel: number | null = null) {
    const id = await model().submit('plan');
    const [plan] = await model().claimAll(session);
    const keys = Array.from({ length: children }, (_, key) => `k${key}`);
    await model().report([ended.inChildren(plan!, keys, maxParallel)]);
    return { id, plan: plan!, runs: await claimAllOf(session) };
  }

  return { count, digest, lapse, overdue, claimAfresh, claimAllOf, drain, fannedOut };
}

/** In an order of chance. */
export function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

export function inBatches<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, batch) =>
    items.slice(batch * size, (batch + 1) * size),
  );
}
