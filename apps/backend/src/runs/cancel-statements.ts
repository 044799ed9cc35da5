/**
 * What a cancel asks and writes, inside one transaction. It locks in the order in which everybody else does, so that waiting
 * is never mutual: a dispatch that nobody holds before its runs (as a claim does), runs that may end before the parents that
 * count them (as a report does), ids ascending.
 */

/** One cancel at a time in a family: two that meet in one tree would wait for each other. $1 the least id of the family. */
export const lockFamily = 'select pg_advisory_xact_lock(hashtextextended($1, 7061987))';

/**
 * A run and all that is unfinished below it, itself first, whatever its state. Only a waiting run has something unfinished
 * below it. `staged`: behind max_parallel, so that it is in no dispatch and only its parent can move it.
 *
 * $1 run, $2..$3 family range.
 */
export const unfinishedTree = `
with recursive tree as (
  select r.id, r.parent_id, r.state, r.queue, r.organisation_id, r.epoch, r.session_id, r.dispatch_id, r.next_ordinal,
         coalesce(r.ordinal >= p.next_ordinal, false) as behind, 0 as depth
    from runs r
    left join runs p on p.id = r.parent_id and p.id between $2::uuid and $3::uuid
   where r.id = $1::uuid and r.id between $2::uuid and $3::uuid
  union all
  select c.id, c.parent_id, c.state, c.queue, c.organisation_id, c.epoch, c.session_id, c.dispatch_id, c.next_ordinal,
         coalesce(c.ordinal >= t.next_ordinal, false), t.depth + 1
    from tree t
    join runs c on c.parent_id = t.id and c.id between $2::uuid and $3::uuid
   where t.state = 'waiting' and c.state in ('queued', 'running', 'waiting')
)
select id, parent_id, state, queue, organisation_id, epoch, session_id, dispatch_id, behind and state = 'queued' as staged
  from tree order by depth, id`;

/**
 * Locks the dispatches in which some queued runs wait. Each branch looks where a partial index leads: own organisation and
 * queue, what is deferred, what is published.
 *
 * $1 organisation, $2 queues, $3 run ids, $4..$5 family range.
 */
export const lockWaitingDispatches = `
select d.id, d.run_ids
  from dispatches d
 where d.id = any(array(
         select w.id from dispatches w
          where w.pool is null and w.ready and w.organisation_id = $1::uuid and w.queue = any($2::text[])
            and exists (select 1 from unnest(w.run_ids) as u (id) where u.id between $4::uuid and $5::uuid and u.id = any($3::uuid[]))
         union all
         select w.id from dispatches w
          where w.pool is null and not w.ready
            and exists (select 1 from unnest(w.run_ids) as u (id) where u.id between $4::uuid and $5::uuid and u.id = any($3::uuid[]))
         union all
         select w.id from dispatches w
          where w.pool is not null and w.session_id is null
            and exists (select 1 from unnest(w.run_ids) as u (id) where u.id between $4::uuid and $5::uuid and u.id = any($3::uuid[]))))
   and d.session_id is null
 order by d.id for update`;

/** Locks runs that are still in the state they were seen in. $1 run ids, $2 their states, $3..$4 family range. */
export const lockRuns = `
select r.id
  from unnest($1::uuid[], $2::text[]) as seen (id, state)
  join runs r on r.id = seen.id and r.state = seen.state and r.id between $3::uuid and $4::uuid
 order by r.id for update of r`;

/**
 * Ends what was locked, all but the topmost run, which is made ready for the end statement: only that knows what the end
 * of a run means to those above it. Dispatches that a session holds are not touched: they answer for their slots until the
 * worker lets go. A run that fails for its deadline ends the same way.
 *
 * $1 runs to end, $2 the topmost run, $3..$4 family range, $5 error, $6 [{run_id, epoch, session_id, dispatch_id}] of
 * what runs, $7 dispatches that nobody holds, $8 {dispatch id: runs that leave it}.
 */
export const cancelRuns = `
with cancelled as (
  update runs r set state = 'cancelled', error = $5::jsonb, finished_at = now(), children_pending = 0
   where r.id = any($1::uuid[]) and r.id between $3::uuid and $4::uuid and r.state in ('queued', 'running', 'waiting')
), topmost as (
  update runs r set state = 'running', dispatch_id = null, children_pending = 0
   where r.id = $2::uuid and r.id between $3::uuid and $4::uuid and r.state in ('queued', 'running', 'waiting')
), told as (
  insert into cancellations (run_id, epoch, session_id, dispatch_id)
  select t.run_id, t.epoch, t.session_id, t.dispatch_id
    from jsonb_to_recordset($6::jsonb) as t (run_id uuid, epoch int, session_id uuid, dispatch_id uuid)
), removed as (
  delete from dispatches d where d.id = any($7::uuid[]) and d.remaining <= ($8::jsonb ->> d.id::text)::int returning d.pool
), lowered as (
  update dispatches d set remaining = d.remaining - ($8::jsonb ->> d.id::text)::int
   where d.id = any($7::uuid[]) and d.remaining > ($8::jsonb ->> d.id::text)::int
)
select coalesce((select jsonb_object_agg(pool, n) from (select pool, count(*) as n from removed where pool is not null group by 1) r), '{}') as removed`;
