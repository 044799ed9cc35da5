import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { silentLogger } from '@longshore/runtime';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { createDatabase, type Database } from '../store/database.ts';
import { startModel, type TestModel } from '../testing/model.ts';
import { truth } from '../testing/templates.ts';
import { publishDispatches } from './publish-statements.ts';

const ROOM = 20;
const ORGANISATIONS = 10;

let postgres: TestPostgres;
let model: TestModel;
/** One alone: another would read the catalogue anew. */
let connection: Database;
beforeAll(async () => {
  postgres = await startPostgres();
  const url = await postgres.createDatabase('cost', truth);
  model = await startModel(url);
  connection = createDatabase({ url, logger: silentLogger(), connections: 1 });
  await model.database.query(
    `insert into pool_leases (pool, holder, term, expires_at) values ('pool', $1, 1, now() + interval '1 hour')`,
    [model.backendId],
  );
});
afterAll(async () => {
  await connection?.close();
  await model?.stop();
  await postgres?.stop();
});

/** Writes what waits anew, without runs: only publishing is looked at. */
async function letWait(dispatches: number): Promise<void> {
  await model.database.query('truncate dispatches');
  await model.database.query(
    `with organisations as (select n, uuid_v7() as id from generate_series(0, $2::int - 1) n)
     insert into dispatches (id, organisation_id, task, queue, priority, run_ids, remaining, ready, due)
     select uuid_v7(), o.id, 'work', 'default', 0, array[uuid_v7()], 1, true, now()
       from generate_series(1, $1::int) d join organisations o on o.n = d % $2`,
    [dispatches, ORGANISATIONS],
  );
  await model.database.query('vacuum analyze dispatches');
}

interface Plan {
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
}

let explained = 0;
/** How many blocks one publication looks at, for a pool that registered this task, which takes so long. */
async function blocks(task: string, averageMs: number): Promise<number> {
  const { name, text } = publishDispatches;
  const statement = {
    name: `${name}_${(explained += 1)}`,
    text: `explain (analyze, buffers, format json) ${text}`,
  };
  const averages = JSON.stringify({ [task]: averageMs });
  const values = ['pool', ['high', 'default'], averages, ROOM, model.backendId, '1', '{}', 5_000, '{}', 0];
  const [row] = await connection.hot<{ 'QUERY PLAN': [{ Plan: Plan }] }>(statement, values);
  const plan = row!['QUERY PLAN'][0].Plan;
  return plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
}

const published = async () =>
  (await model.database.query('select from dispatches where pool is not null')).length;

describe('publishing', () => {
  it('costs as much when a hundred times as many dispatches wait', async () => {
    await letWait(300);
    const few = await blocks('work', 100);
    expect(await published()).toBe(ROOM);
    await letWait(30_000);
    expect(await blocks('work', 100)).toBeLessThan(few * 3);
    expect(await published()).toBe(ROOM);
  });

  it('costs as much when a hundred times as many dispatches wait, of which many fit into a parcel', async () => {
    await letWait(5_000);
    const few = await blocks('work', 1);
    expect(await published()).toBe(ROOM);
    await letWait(50_000);
    expect(await blocks('work', 1)).toBeLessThan(few * 3);
    expect(await published()).toBe(ROOM);
  });

  it('costs little beside a crowd of what the pool did not register', async () => {
    await letWait(30_000);
    expect(await blocks('other', 100)).toBeLessThan(ORGANISATIONS * 20);
    expect(await published()).toBe(0);
  });
});
