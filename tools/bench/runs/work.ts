import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { resultOf, submitTask, type PublicApi } from './public-api.ts';

/**
 * Runs are put into the database as submitting them does: all their rows and parcels, in one statement; of a parcel nothing may be taken
 * before it is released. The leading backend then hears of them as it would of another backend's.
 */
const insertRuns = `
with made as (
  select n, uuid_v7() as id, (n - 1) / $4::int as parcel from generate_series(1, $2::int) n
), parcels as (
  select parcel, uuid_v7() as id, array_agg(id order by n) as run_ids from made group by parcel
), inserted as (
  insert into runs (id, organisation_id, root_id, task, queue, input, max_attempts, soft_limit_ms, hard_limit_ms, dispatch_id)
  select m.id, o.id, m.id, t.name, t.queue, jsonb_build_object('payload', $3::text), t.max_attempts, t.soft_limit_ms,
         t.hard_limit_ms, p.id
    from made m join parcels p using (parcel), organisations o, tasks t where t.name = $1 and o.name = 'default'
), live as (
  insert into live_executions (id, organisation_id, kind)
  select m.id, o.id, 'task' from made m, organisations o where o.name = 'default'
), listed as (
  insert into submitted_tasks (id, organisation_id, task, priority)
  select m.id, o.id, $1, 0 from made m, organisations o where o.name = 'default'
)
insert into dispatches (id, organisation_id, task, queue, priority, run_ids, remaining, ready, due)
select p.id, o.id, t.name, t.queue, 0, p.run_ids, cardinality(p.run_ids), false, 'infinity'::timestamptz
  from parcels p, organisations o, tasks t where t.name = $1 and o.name = 'default'
returning run_ids`;

const NEWS = `select pg_notify('longshore_work', json_build_object('from', 'bench', 'released', false,
  'pools', json_build_array(json_build_object('pool', $1::text, 'removed', 0, 'waiting', true)))::text)`;

export interface NewRuns {
  readonly task: string;
  readonly count: number;
  readonly payload: string;
  readonly parcel: number;
}

/** The pool whose leader is told, by the connection on which it is said. */
export interface Door {
  readonly client: pg.Client;
  readonly pool: string;
}

async function insert(client: pg.Client, { task, count, payload, parcel }: NewRuns) {
  const { rows } = await client.query<{ run_ids: string[] }>(insertRuns, [task, count, payload, parcel]);
  const ids = rows.flatMap((row) => row.run_ids);
  if (ids.length !== count)
    throw new Error(`${ids.length} of ${count} runs were taken: is ${task} registered?`);
  return ids;
}

/** How often a drain is looked at: it costs the platform a query, and the result that much precision. */
const LOOK_EVERY_MS = 20;
const STANDS_STILL_MS = 60_000;

/** Runs that wait until {@link Drain.go}. */
export interface Drain {
  /** Releases them and waits until all have ended. @returns ms */
  go(): Promise<number>;
  /** @throws when one did not succeed */
  check(): Promise<void>;
}

/** Puts runs into the database that nobody may execute yet. */
export async function prepareDrain({ client, pool }: Door, runs: NewRuns): Promise<Drain> {
  const ids = await insert(client, runs);
  return {
    async go() {
      const started = performance.now();
      await client.query(`update dispatches set ready = true, due = now() where not ready and task = $1`, [
        runs.task,
      ]);
      await client.query(NEWS, [pool]);
      const left = 'select coalesce(sum(remaining), 0)::int as n from dispatches';
      await emptied(async () => (await client.query<{ n: number }>(left)).rows[0]!.n);
      return performance.now() - started;
    },
    check: () => allSucceeded(client, ids),
  };
}

async function emptied(left: () => Promise<number>): Promise<void> {
  let last = Infinity;
  let movedAt = performance.now();
  for (let n = await left(); n > 0; n = await left()) {
    if (n !== last) movedAt = performance.now();
    last = n;
    if (performance.now() - movedAt > STANDS_STILL_MS) throw new Error(`${n} runs stand still`);
    await sleep(LOOK_EVERY_MS);
  }
}

async function allSucceeded(client: pg.Client, ids: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ n: number }>(
    `select count(*)::int as n from runs where id = any($1::uuid[]) and state = 'succeeded'`,
    [ids],
  );
  if (rows[0]!.n !== ids.length)
    throw new Error(`${ids.length - rows[0]!.n} of ${ids.length} runs did not succeed`);
}

/** Executions of 1 + 20 + 1 runs, submitted and waited for by clients, `inFlight` at once. @returns executions per second */
export async function driveTrees(api: PublicApi, total: number, inFlight: number): Promise<number> {
  let left = total;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (left > 0) {
        left -= 1;
        await oneTree(api);
      }
    }),
  );
  return (total * 1000) / (performance.now() - started);
}

/** @throws when not all of its children succeeded */
export async function oneTree(api: PublicApi): Promise<void> {
  const count = await resultOf(api, await submitTask(api, 'bench.tree', ''));
  if (count !== 20) throw new Error(`an execution counts ${JSON.stringify(count)} children`);
}
