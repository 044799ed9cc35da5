import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { silentLogger } from '@longshore/runtime';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { createDatabase, type Database } from '../store/database.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { startModel, type TestModel } from '../testing/model.ts';
import { truth } from '../testing/templates.ts';
import { measureQueueDepths, readQueueDepths } from './queue-depths.ts';

const FEW = 1_000;
const MANY = 20_000;
/** Blocks: a small table may be read by its index, or not. */
const PLANNED_OTHERWISE = 10;

let postgres: TestPostgres;
let model: TestModel;
/** One alone: another would read the catalogue anew. */
let connection: Database;
beforeAll(async () => {
  postgres = await startPostgres();
  const url = await postgres.createDatabase('depths', truth);
  model = await startModel(url);
  connection = createDatabase({ url, logger: silentLogger(), connections: 1 });
});
beforeEach(async () => {
  await connection.query('truncate dispatches, queue_depths, runs');
});
afterAll(async () => {
  await connection?.close();
  await model?.stop();
  await postgres?.stop();
});

/** Writes what waits anew, without its runs: counting looks at dispatches alone. */
async function letWait(dispatches: number): Promise<void> {
  await connection.query('truncate dispatches');
  await connection.query(
    `insert into dispatches (id, organisation_id, task, queue, priority, run_ids, remaining, ready, due)
     select uuid_v7(), uuid_v7(), 'work', 'queue_' || d % 4, 0, array[uuid_v7()], 1, true, now()
       from generate_series(1, $1::int) d`,
    [dispatches],
  );
  await connection.query('vacuum analyze dispatches');
}

async function letBeOver(runs: number): Promise<void> {
  await connection.query(
    `insert into runs (id, organisation_id, root_id, task, queue, input, max_attempts, soft_limit_ms, hard_limit_ms, state, epoch,
                       starts, finished_at, output)
     select id, uuid_v7(), id, 'work', 'queue_0', '{}', 3, 1000, 2000, 'succeeded', 1, 1, now(), '{}'
       from (select uuid_v7() as id from generate_series(1, $1::int)) r`,
    [runs],
  );
  await connection.query('vacuum analyze runs');
}

interface Plan {
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
}

/** How many blocks the statements of this work look at. It is rehearsed: a connection reads the catalogue for the first of a kind. */
async function blocksOf(work: (database: Database) => Promise<unknown>): Promise<number> {
  let blocks = 0;
  const explained: Database['query'] = async (text, values) => {
    const rows = await connection.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
      `explain (analyze, buffers, format json) ${text}`,
      values,
    );
    const plan = rows[0]!['QUERY PLAN'][0].Plan;
    blocks += plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
    return [];
  };
  await work({ ...connection, query: explained });
  blocks = 0;
  await work({ ...connection, query: explained });
  expect(blocks).toBeGreaterThan(0);
  return blocks;
}

async function dueRuns(): Promise<number> {
  const depths = await readQueueDepths(connection);
  return depths.reduce((sum, { due }) => sum + due, 0);
}

describe('the backlog of queues, as autoscalers ask for it', () => {
  it('costs the same with twenty times as many runs that wait and that are over', async () => {
    const costWith = async (runs: number): Promise<number> => {
      await letWait(runs);
      await letBeOver(runs);
      await measureQueueDepths(connection);
      expect(await dueRuns()).toBe(runs);
      return blocksOf(readQueueDepths);
    };
    const few = await costWith(FEW);
    expect(await costWith(MANY)).toBeLessThan(few + PLANNED_OTHERWISE);
  });

  it('costs no more after it was counted anew again and again', async () => {
    await letWait(FEW);
    await measureQueueDepths(connection);
    const once = await blocksOf(readQueueDepths);
    for (let round = 0; round < 100; round += 1) {
      await connection.query('update dispatches set remaining = remaining + 1');
      await measureQueueDepths(connection);
    }
    expect(await blocksOf(readQueueDepths)).toBeLessThan(once + PLANNED_OTHERWISE);
  });
});

describe('counting the backlog', () => {
  it('tells of each queue what waits, is due and is at work; of one that is served or was emptied, that nothing is', async () => {
    const insert = `insert into dispatches (id, organisation_id, task, queue, priority, run_ids, remaining, ready, due, session_id)
      values (uuid_v7(), uuid_v7(), 'work', $1, 0, array[uuid_v7()], $2, $3, now(), $4)`;
    const session = await model.session();
    await connection.query(`update sessions set queues = '{a,served}'`);
    await connection.query(insert, ['a', 3, true, null]);
    await connection.query(insert, ['a', 2, false, null]);
    await connection.query(insert, ['a', 7, true, session.id]);
    await connection.query(insert, ['b', 1, true, null]);
    await measureQueueDepths(connection);
    await connection.query(`delete from dispatches where queue = 'b'`);
    await measureQueueDepths(connection);
    const none = { queued: 0, due: 0, running: 0, oldest_age_ms: null };
    expect(await readQueueDepths(connection)).toEqual([
      { queue: 'a', queued: 5, due: 3, running: 7, oldest_age_ms: expect.any(Number) },
      { queue: 'b', ...none },
      { queue: 'served', ...none },
    ]);
  });

  it('costs the same however many runs are over', async () => {
    await letWait(FEW);
    await letBeOver(FEW);
    const few = await blocksOf(measureQueueDepths);
    await letBeOver(MANY);
    expect(await blocksOf(measureQueueDepths)).toBeLessThan(few + PLANNED_OTHERWISE);
    await connection.query('truncate dispatches');
    expect(await brokenInvariants(model.database)).toEqual([]);
  });

  it('looks at what waits once, and at nothing besides', async () => {
    await letWait(FEW);
    const few = await blocksOf(measureQueueDepths);
    await letWait(MANY);
    const many = await blocksOf(measureQueueDepths);
    const [table] = await connection.query<{ blocks: number }>(
      `select (pg_relation_size('dispatches') / current_setting('block_size')::int)::int as blocks`,
    );
    expect(many - few).toBeLessThan(table!.blocks * 1.1);
  });
});
