import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DELETION_LOCK } from '@longshore/contracts';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { ensurePartitions, monthPartitions } from '../store/partitions.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { startModel, type TestModel } from '../testing/model.ts';
import { truth } from '../testing/templates.ts';
import {
  age,
  beginExecution,
  createKeeper,
  idAt,
  putMany,
  runExecution,
  type Keeper,
} from './kept-executions.fixture.ts';

let postgres: TestPostgres;
let model: TestModel;
let keeper: Keeper;
let databases = 0;

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  databases += 1;
  model = await startModel(await postgres.createDatabase(`retention${databases}`, truth));
  keeper = await createKeeper(model.database);
});
afterEach(async () => {
  try {
    expect(await brokenInvariants(model.database)).toEqual([]);
  } finally {
    await model.stop();
    await keeper.remove();
  }
});

const DAY = 24;
const count = async (sql: string, values: unknown[] = []) =>
  (await model.database.query<{ n: number }>(`select count(*)::int as n from ${sql}`, values))[0]!.n;
const outputs = (id: string) => count('runs where root_id = $1 and output is not null', [id]);
const logs = (id: string) => count('run_logs l join runs r on r.id = l.run_id where r.root_id = $1', [id]);
const runs = (id: string) => count('runs where root_id = $1', [id]);
const own = (retention: object) =>
  model.database.query('update organisations set retention = $1', [JSON.stringify(retention)]);

describe('what is kept after the end of an execution', () => {
  it('goes kind by kind as its time is over, and the runs stay', async () => {
    const id = await runExecution(model, keeper);
    const seen = async () => ({
      uploads: (await keeper.objects()).filter((name) => name === `uploads/${id}`).length,
      stored: (await keeper.objects()).filter((name) => name.startsWith('outputs/')).length,
      outputs: await outputs(id),
      logs: await logs(id),
      runs: await runs(id),
    });
    const all = { uploads: 1, stored: 1, outputs: 4, logs: 2, runs: 4 };
    await keeper.retain();
    expect(await seen()).toEqual(all);
    await age(model.database, id, 25);
    await keeper.retain();
    expect(await seen()).toEqual({ ...all, uploads: 0 });
    await age(model.database, id, 7 * DAY);
    await keeper.retain();
    expect(await seen()).toEqual({ ...all, uploads: 0, logs: 0 });
    await age(model.database, id, 23 * DAY);
    await keeper.retain();
    expect(await seen()).toEqual({ uploads: 0, stored: 0, outputs: 0, logs: 0, runs: 4 });
    expect(await count('run_log_totals')).toBe(0);
    const [row] = await model.database.query('select * from ended_executions where id = $1', [id]);
    expect([row!.uploads_removed_at, row!.results_removed_at, row!.logs_removed_at]).not.toContain(null);
  });

  it('is not touched while the execution has not ended, however old it is', async () => {
    const id = await beginExecution(model, keeper);
    await age(model.database, id, 1000 * DAY);
    await keeper.retain();
    expect(await keeper.objects()).toEqual([`uploads/${id}`]);
    expect([await logs(id), await runs(id)]).toEqual([1, 1]);
    expect(await model.run(id)).toMatchObject({ state: 'running' });
  });

  it('is kept for ever or for less where the organisation says so', async () => {
    const id = await runExecution(model, keeper);
    await own({ results_days: 0, logs_days: 1, uploads_hours: 0, history_days: 0 });
    await age(model.database, id, 400 * DAY);
    await keeper.retain();
    expect([await outputs(id), await logs(id), (await keeper.objects()).length]).toEqual([4, 0, 2]);
    await own({ results_days: 399, uploads_hours: 0, history_days: 0 });
    await keeper.retain();
    expect([await outputs(id), await runs(id), await keeper.objects()]).toEqual([0, 4, [`uploads/${id}`]]);
  });

  it('is all kept where the platform keeps everything for ever', async () => {
    const id = await runExecution(model, keeper);
    await age(model.database, id, 4000 * DAY);
    await keeper.retain({ uploads: 0, results: 0, logs: 0, history: 0 });
    expect([await outputs(id), await logs(id), (await keeper.objects()).length]).toEqual([4, 2, 2]);
  });

  it('of an object is removed by a later pass when the first was cut off after the rows', async () => {
    const id = await runExecution(model, keeper);
    await age(model.database, id, 31 * DAY);
    const { remove } = keeper.store;
    const broken = () => Promise.reject(new Error('the disk is gone'));
    Object.assign(keeper.store, { remove: broken });
    await expect(keeper.retain()).rejects.toThrow('the disk is gone');
    expect([await outputs(id), (await keeper.objects()).length, await count('doomed_objects')]).toEqual([
      0, 2, 2,
    ]);
    Object.assign(keeper.store, { remove });
    await keeper.retain();
    expect([await keeper.objects(), await count('doomed_objects')]).toEqual([[], 0]);
  });

  it('stays while somebody else removes things or makes a backup', async () => {
    const id = await runExecution(model, keeper);
    await age(model.database, id, 31 * DAY);
    await model.database.transaction(async (client) => {
      await client.query('select pg_advisory_xact_lock($1)', [DELETION_LOCK]);
      await keeper.retain();
    });
    expect([await outputs(id), (await keeper.objects()).length]).toEqual([4, 2]);
    await keeper.retain();
    expect([await outputs(id), (await keeper.objects()).length]).toEqual([0, 0]);
  });

  it('is worked off in batches, past what was cleared before', async () => {
    const day = (ago: number) => new Date(Date.now() - ago * 86_400_000);
    const { organisationId } = model;
    await putMany(model.database, { organisationId, count: 450, from: day(60), to: day(40) });
    const late = await putMany(model.database, { organisationId, count: 50, from: day(20), to: day(10) });
    await keeper.retain();
    expect(await count('runs where output is not null')).toBe(late.length * 5);
    expect(await count('run_logs')).toBe(0);
    expect(await count('ended_executions where results_removed_at is null')).toBe(late.length);
    await keeper.retain({ results: 9 * DAY });
    expect(await count('runs where output is not null')).toBe(0);
  });
});

describe('history', () => {
  const months = async () => (await monthPartitions(model.database, 0)).map(({ name }) => name);
  /** A day of an earlier month. */
  const month = (monthsAgo: number, day: number) => {
    const now = new Date();
    return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - monthsAgo, day));
  };
  async function oldMonth(executions = 20) {
    await ensurePartitions(model.database, month(6, 1));
    const ids = await putMany(model.database, {
      organisationId: model.organisationId,
      count: executions,
      from: month(6, 10),
      to: month(6, 20),
    });
    return ids;
  }

  it('leaves by dropping whole months, with everything that belongs to their runs', async () => {
    const ids = await oldMonth(1200);
    await model.database.query(
      `insert into attempts (run_id, epoch, outcome) select id, 1, 'retry' from runs where root_id = any($1::uuid[])`,
      [ids],
    );
    const recent = await runExecution(model, keeper);
    const before = await months();
    await keeper.retain({ results: 0, logs: 0 });
    expect(before.length - (await months()).length).toBe(2);
    expect(await count('runs where root_id = any($1::uuid[])', [ids])).toBe(0);
    for (const table of [
      'executions',
      'ended_executions',
      'files',
      'attempts',
      'run_logs',
      'doomed_objects',
    ]) {
      expect([table, await count(`${table} where $1::uuid[] is not null`, [ids])]).toEqual([
        table,
        { files: 1, executions: 1, ended_executions: 1, run_logs: 2 }[table] ?? 0,
      ]);
    }
    expect(await runs(recent)).toBe(4);
  });

  it('of a month stays while one of its executions has not ended, and for as long after its end', async () => {
    const [first, ...others] = await oldMonth();
    await model.database.query(`delete from ended_executions where id = $1`, [first]);
    await model.database.query(`delete from runs where root_id = $1 and id <> $1`, [first]);
    await model.database.query(
      `update runs set state = 'waiting', finished_at = null, output = null, children_total = 0 where id = $1`,
      [first],
    );
    await model.database.query('insert into live_executions (id, organisation_id) values ($1, $2)', [
      first,
      model.organisationId,
    ]);
    await keeper.retain();
    expect(await runs(first!)).toBe(1);
    // What is not kept from going goes by rows, a month later at most.
    expect(await count('runs where root_id = any($1::uuid[])', [others])).toBe(0);
    await model.database.query(`update runs set state = 'succeeded', finished_at = now() where id = $1`, [
      first,
    ]);
    await model.database.query('delete from live_executions where id = $1', [first]);
    await keeper.retain();
    expect(await runs(first!)).toBe(1);
    await age(model.database, first!, 91 * DAY);
    const before = await months();
    await keeper.retain();
    expect(await runs(first!)).toBe(0);
    expect((await months()).length).toBeLessThan(before.length);
  });

  it('that one organisation keeps longer stays for that one alone', async () => {
    const ids = await oldMonth();
    await own({ history_days: 0 });
    const other = idAt(month(6, 12).getTime());
    await model.database.query(`insert into organisations (id, name) values ($1, 'brief')`, [other]);
    const [from, to] = [month(6, 11), month(6, 13)];
    const brief = await putMany(model.database, { organisationId: other, count: 5, from, to });
    await keeper.retain();
    expect(await count('runs where root_id = any($1::uuid[])', [ids])).toBe(ids.length * 5);
    expect(await count('runs where root_id = any($1::uuid[])', [brief])).toBe(0);
    await own({ history_days: 100 });
    await keeper.retain();
    expect(await count('runs where root_id = any($1::uuid[])', [ids])).toBe(0);
  });

  it('waits for its turn when somebody reads what would be dropped', async () => {
    const ids = await oldMonth();
    const partition = (await months())[0];
    await model.database.transaction(async (client) => {
      await client.query('select 1 from runs limit 1');
      await keeper.retain();
      expect(await months()).toContain(partition);
    });
    await keeper.retain();
    expect(await months()).not.toContain(partition);
    expect(await count('runs where root_id = any($1::uuid[])', [ids])).toBe(0);
  });
});
