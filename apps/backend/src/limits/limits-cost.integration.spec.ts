import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { silentLogger } from '@longshore/runtime';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { publishLimitedDispatches } from '../dispatch/publish-statements.ts';
import type { Session } from '../sessions/sessions.ts';
import { createDatabase, type Database } from '../store/database.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { ended, startModel, type TestModel } from '../testing/model.ts';
import { truth } from '../testing/templates.ts';
import { limitedRuns, limitedWorker, repeated } from './limited-work.fixture.ts';

jest.setTimeout(60_000);

let postgres: TestPostgres;
let model: TestModel;
/** One alone: another would read the catalogue anew. */
let connection: Database;
beforeAll(async () => {
  postgres = await startPostgres();
  const url = await postgres.createDatabase('cost', truth);
  model = await startModel(url);
  connection = createDatabase({ url, logger: silentLogger(), connections: 1 });
});
afterAll(async () => {
  await connection?.close();
  await model?.stop();
  await postgres?.stop();
});

interface Plan {
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
}

const limits = [
  { per: 'task', concurrency: 3 },
  { per: 'input.key', concurrency: 2 },
];
const worker = () => limitedWorker(model, limits, { concurrency: 10 });

const REHEARSALS = 12;
let explained = 0;
/**
 * How many blocks the publication looks at that follows the end of a run. It is rehearsed, and the least counts: a connection that is told that much has
 * changed, as by many new databases on its server, reads some hundred blocks of what it has to know of functions and tables, at any moment.
 */
async function blocksOfNext(session: Session): Promise<number> {
  const counts: number[] = [];
  for (let rehearsal = 0; rehearsal < REHEARSALS; rehearsal += 1) {
    await connection.hot({ name: 'begin', text: 'begin' }, []);
    counts.push(await explainNext(session));
    await connection.hot({ name: 'rollback', text: 'rollback' }, []);
  }
  return Math.min(...counts, await explainNext(session));
}

async function explainNext(session: Session): Promise<number> {
  const { term } = model.pools.get(session.pool)!;
  const statement = {
    name: `explained_${(explained += 1)}`,
    text: `explain (analyze, buffers, format json) ${publishLimitedDispatches.text}`,
  };
  const values = [
    session.pool,
    session.queues,
    '{"work": 1}',
    20,
    model.backendId,
    term,
    '{}',
    5_000,
    '{}',
    0,
  ];
  const [row] = await connection.hot<{ 'QUERY PLAN': [{ Plan: Plan }] }>(statement, [...values, ['work']]);
  const plan = row!['QUERY PLAN'][0].Plan;
  return plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
}

/** Lets so many wait, two run, and one of these end where nobody pumps. */
async function letWait(runs: number): Promise<Session> {
  await worker();
  for (let written = 0; written < runs; written += 500)
    await limitedRuns(model, repeated(Math.min(500, runs - written), { key: 'a' }));
  const session = await worker();
  const [first] = await model.claimAll(session);
  await model.database.query('vacuum analyze dispatches');
  const pool = model.pools.get(session.pool)!;
  pool.limitsWait = false;
  await model.report([ended.well(first!)]);
  expect(pool.outstanding).toBe(1);
  return session;
}

async function forgetAll(): Promise<void> {
  const running = await model.database.query<{ id: string }>(`select id from live_executions`);
  for (const { id } of running) await model.cancel(id);
  await model.database.query('delete from dispatches');
  await model.database.query('delete from cancellations');
}

const published = async () =>
  (await model.database.query('select from dispatches where pool is not null')).length;

describe('a publication for what waits for limits', () => {
  it('costs as much when twenty times as many wait for the same key', async () => {
    const few = await blocksOfNext(await letWait(200));
    expect(await published()).toBe(2);
    await forgetAll();
    const many = await blocksOfNext(await letWait(4_000));
    expect(await published()).toBe(2);
    expect(many).toBeLessThan(few * 3);
    const waiting = await model.database.query('select from dispatches where waits_for is not null');
    expect(waiting.length).toBe(4_000 - 3);
    expect(await brokenInvariants(model.database)).toEqual([]);
  });
});

describe('what has no limit', () => {
  it('is no concern of the trigger that puts new dispatches under limits', async () => {
    const [trigger] = await model.database.query<{ says: string }>(
      `select pg_get_triggerdef(oid) as says from pg_trigger where tgname = 'dispatches_limited_written'`,
    );
    expect(trigger!.says).toMatch(/WHEN \(\(new\.task = ANY \('\{work\}'::text\[\]\)\)\)/);
  });

  it('is written in place: no index names a column that changes while a run goes on', async () => {
    const indexes = await model.database.query<{ says: string }>(
      `select pg_get_indexdef(indexrelid) as says from pg_index
        where indrelid = any(array['dispatches', 'limit_permits']::regclass[])`,
    );
    expect(indexes.length).toBeGreaterThan(4);
    for (const { says } of indexes)
      expect(says).not.toMatch(/session_id|claim_id|remaining|publications|claimed/);
    const triggers = await model.database.query(
      `select from pg_trigger where tgrelid = 'dispatches'::regclass and not tgisinternal and tgtype & 2 <> 0`,
    );
    // One before an update locks each row first.
    expect(triggers).toEqual([]);
  });
});
