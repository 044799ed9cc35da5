import type { Database } from '../store/database.ts';

/** A sentence that must hold whenever no statement is under way, and the rows that break it. */
interface Invariant {
  readonly name: string;
  /** Answers one text per violation. */
  readonly sql: string;
}

const ENDED = `('succeeded', 'failed', 'cancelled')`;

/** Behind max_parallel: its turn has not come, so that it has no dispatch yet. */
const staged = (run: string) =>
  `exists (select 1 from runs p where p.id = ${run}.parent_id and ${run}.ordinal >= p.next_ordinal)`;

/** A cancelled run that its worker has not let go of yet. */
const inHand = (dispatch: string, run: string) =>
  `exists (select 1 from cancellations k where k.run_id = ${run}.id and k.dispatch_id = ${dispatch}.id)`;

/**
 * A dispatch answers for a run while it waits with it, and afterwards while the run is running under it, or was cancelled
 * there and still takes the slot.
 */
const answersFor = (dispatch: string, run: string) =>
  `(case when ${dispatch}.session_id is null then ${run}.state = 'queued'
         else ${run}.state = 'running' and ${run}.dispatch_id = ${dispatch}.id and ${run}.session_id = ${dispatch}.session_id
              or ${inHand(dispatch, run)} end)`;

const invariants: readonly Invariant[] = [
  {
    name: 'a queued run whose turn has come waits in exactly one dispatch, one behind max_parallel in none',
    sql: `select r.id || ' in ' || n from runs r
           cross join lateral (select count(*) as n from dispatches d where d.session_id is null and r.id = any(d.run_ids)) w
           where r.state = 'queued' and n <> case when ${staged('r')} then 0 else 1 end`,
  },
  {
    name: 'a running run is held by its session through its dispatch',
    sql: `select r.id::text from runs r
           where r.state = 'running' and not exists (
             select 1 from dispatches d
              where d.id = r.dispatch_id and d.session_id = r.session_id and r.id = any(d.run_ids))`,
  },
  {
    name: 'a dispatch counts the runs that it answers for, and is gone when there are none',
    sql: `select d.id || ' says ' || d.remaining || ', has ' || n from dispatches d
           cross join lateral (select count(*) as n from runs r where r.id = any(d.run_ids) and ${answersFor('d', 'r')}) h
           where d.remaining <> n or n = 0`,
  },
  {
    name: 'a waiting parent counts its unfinished children, and each child was created once',
    sql: `select p.id || ' says ' || p.children_pending || ', has ' || pending from runs p
           cross join lateral (
             select count(*) as total, count(*) filter (where c.state not in ${ENDED}) as pending
               from runs c where c.parent_id = p.id and c.ordinal is not null) c
           where p.children_pending <> pending or p.children_total <> total or p.children_pending < 0`,
  },
  {
    name: 'a parent has a continuation exactly when its children are done, and waits exactly as long as that has not ended',
    sql: `select p.id || ' is ' || p.state from runs p
           cross join lateral (
             select count(*) as n, count(*) filter (where c.state not in ${ENDED}) as unfinished
               from runs c where c.parent_id = p.id and c.key = '') c
           where p.continuation is not null
             and case when p.state = 'cancelled' or p.error ->> 'code' = 'deadline' then n > 1 or unfinished > 0
                      else n <> case when p.children_pending = 0 then 1 else 0 end
                           or (p.state = 'waiting') <> (p.children_pending > 0 or unfinished = 1) end`,
  },
  {
    name: 'nothing is unfinished below what has ended',
    sql: `select c.id || ' is ' || c.state from runs c join runs p on p.id = c.parent_id
           where c.state not in ${ENDED} and p.state in ${ENDED}`,
  },
  {
    name: 'nothing is unfinished in an execution that has ended',
    sql: `select r.id || ' is ' || r.state from runs r join runs root on root.id = r.root_id
           where r.state not in ${ENDED} and root.state in ${ENDED}`,
  },
  {
    name: 'what is cancelled says so, and has no output',
    sql: `select id::text from runs where state = 'cancelled' and (error ->> 'code' is distinct from 'cancelled' or output is not null)`,
  },
  {
    name: 'what workers are to let go of was cancelled in that epoch, or its deadline passed',
    sql: `select k.run_id::text from cancellations k
            left join runs r on r.id = k.run_id and r.epoch = k.epoch
             and (r.state = 'cancelled' or r.state = 'failed' and r.error ->> 'code' = 'deadline')
           where r.id is null`,
  },
  {
    name: 'the live executions are the roots that have not ended',
    sql: `select r.id || ' is ' || r.state from runs r left join live_executions l on l.id = r.id
           where r.id = r.root_id and (l.id is null) <> (r.state in ${ENDED})`,
  },
  {
    name: 'what has ended says when, and only that',
    sql: `select id || ' is ' || state from runs where (finished_at is not null) <> (state in ${ENDED})`,
  },
  {
    name: 'a dispatch holds one permit of each of its keys exactly while it is out, and is parked while it waits for one',
    sql: `select coalesce(d.id, p.dispatch_id)::text || ' of ' || coalesce(k.key, p.key) from dispatches d
           cross join lateral (select distinct key from unnest(d.limit_keys) as u (key)) k
            full join limit_permits p on p.dispatch_id = d.id and p.key = k.key
           where (p.key is not null) <> coalesce(d.pool is not null, false)
              or p.claimed <> (d.session_id is not null)
              or (d.waits_for is not null) <> (d.pool is null and not d.ready and d.due = 'infinity')
              or d.waits_for <> all(d.limit_keys)`,
  },
  {
    name: 'claims give epochs: a run was never started more often than it was claimed',
    sql: `select id::text from runs where starts > epoch or starts < 0 or (state = 'running' and starts = 0)`,
  },
];

/** The invariants of the model that do not hold, with the rows that break them; [] is what a test expects. */
export async function brokenInvariants(database: Database): Promise<string[]> {
  const broken: string[] = [];
  for (const { name, sql } of invariants) {
    const rows = await database.query<{ row: string }>(
      `select row from (${sql}) as violations (row) limit 5`,
    );
    broken.push(...rows.map(({ row }) => `${name}: ${row}`));
  }
  return broken;
}
