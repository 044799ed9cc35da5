import type { Statement } from '../store/database.ts';

/** SQL for how many children a continuation goes on after; null for any other run. */
const siblingsOf = (run: string) =>
  `case when ${run}.parent_id is not null and ${run}.ordinal is null
        then (select children_total from runs p where p.id = ${run}.parent_id) end`;

/**
 * Claims the runs of some dispatches for one session. A claim is granted only on a dispatch that was published
 * for the session's pool and that nobody holds, and only on its `queued` runs; each gets the next epoch.
 *
 * $1 session id, $2 pool, $3 dispatch ids, $4 {dispatch id: {claim_id, run_ids: '{…}' as its message names them}}, $5 run ids,
 * $6..$7 family range. The `where id = any($5)` keeps the plan on the primary key whatever the tables look like; so does a comparison
 * of `pool` that no index can serve, or each claim would look through all that is published for the pool.
 */
export const claimRuns: Statement = {
  name: 'claim_runs',
  text: `
with taken as (
  update dispatches d
     set session_id = $1::uuid, claim_id = ($4::jsonb -> d.id::text ->> 'claim_id')::uuid
   where d.id = any($3::uuid[]) and d.session_id is null and d.pool is not distinct from $2
     and d.run_ids <@ ($4::jsonb -> d.id::text ->> 'run_ids')::uuid[]
     and exists (select 1 from sessions s where s.id = $1::uuid and s.ended_at is null)
  returning d.id, d.run_ids, d.created_at
), granted as (
  select jsonb_object_agg(u.run_id::text, t.id) as by_run, array_agg(u.run_id) as ids,
         jsonb_object_agg(t.id::text, extract(epoch from now() - t.created_at)) as waited_s
    from taken t cross join lateral unnest(t.run_ids) as u (run_id)
), claimed as (
  update runs r
     set state = 'running', epoch = r.epoch + 1, starts = r.starts + 1, session_id = $1::uuid,
         dispatch_id = ((select by_run from granted) ->> r.id::text)::uuid,
         claimed_at = now(), started_at = coalesce(r.started_at, now())
   where r.id = any($5::uuid[]) and r.id between $6::uuid and $7::uuid and r.state = 'queued'
     and r.id = any((select ids from granted)::uuid[])
  returning r.*
)
select c.id, c.dispatch_id, c.epoch, c.task, c.input, c.attempts, c.max_attempts, c.organisation_id, c.root_id,
       c.parent_id, c.ordinal, ${siblingsOf('c')} as siblings, c.soft_limit_ms::float8, c.hard_limit_ms::float8,
       c.queue, ((select waited_s from granted) ->> c.dispatch_id::text)::float8 as waited_s,
       f.id as file_id, f.name as file_name, f.size::float8 as file_size, f.sha256, f.object, f.byte_offset::float8
  from claimed c
  left join lateral (select * from files where files.id = c.file_id and files.execution_id = c.root_id) f on true`,
};

/**
 * What a repeated claim call gets: the runs that the same claim id already holds.
 * $1 session id, $2 dispatch ids, $3 {dispatch id: claim id}, $4 run ids, $5..$6 family range.
 */
export const heldRuns: Statement = {
  name: 'held_runs',
  text: `
select r.id, r.dispatch_id, r.epoch, r.task, r.input, r.attempts, r.max_attempts, r.organisation_id, r.root_id,
       r.parent_id, r.ordinal, ${siblingsOf('r')} as siblings, r.soft_limit_ms::float8, r.hard_limit_ms::float8,
       f.id as file_id, f.name as file_name, f.size::float8 as file_size, f.sha256, f.object, f.byte_offset::float8
  from runs r
  left join lateral (select * from files where files.id = r.file_id and files.execution_id = r.root_id) f on true
 where r.id = any($4::uuid[]) and r.id between $5::uuid and $6::uuid
   and r.state = 'running' and r.session_id = $1::uuid
   and r.dispatch_id = any(array(
     select d.id from dispatches d
      where d.id = any($2::uuid[]) and d.session_id = $1::uuid and d.claim_id = ($3::jsonb ->> d.id::text)::uuid))`,
};

/** How the children of some parents ended, for their continuations. $1 parent ids, $2..$3 family range. */
export const childSummaries: Statement = {
  name: 'child_summaries',
  text: `
select r.parent_id, r.id as run_id, r.key, r.ordinal, r.state,
       case when r.error is null then null
            else jsonb_build_object('code', r.error ->> 'code', 'message', r.error ->> 'message') end as error
  from runs r
 where r.parent_id = any($1::uuid[]) and r.ordinal is not null and r.id between $2::uuid and $3::uuid
 order by r.parent_id, r.ordinal`,
};

/** Why a dispatch was not granted, for the worker's log. $1 dispatch ids. */
export const dispatchHolders: Statement = {
  name: 'dispatch_holders',
  text: `select id, pool, session_id from dispatches where id = any($1::uuid[])`,
};
