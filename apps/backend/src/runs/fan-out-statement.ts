import type { Statement } from '../store/database.ts';

/**
 * Turns running attempts into waiting parents. Inserts their children and the children's first parcels, and the
 * continuation at once where there are no children; all only where the attempt still holds its epoch.
 *
 * $1 {run id: {epoch, total, window, continuation, children: [{id, key, ordinal, task, queue, input, file_id,
 * max_attempts, soft_limit_ms, hard_limit_ms, dispatch_id | null}]}}; $2 run ids ascending; $3..$4 family range;
 * $5 {dispatch id: {pool, term} | {}}; $6 this backend's id; $7 publication time-out, ms.
 */
export const fanOutRuns: Statement = {
  name: 'fan_out_runs',
  text: `
with parents as (
  update runs p set
    state = 'waiting',
    children_total = ($1::jsonb -> p.id::text ->> 'total')::int,
    children_pending = ($1::jsonb -> p.id::text ->> 'total')::int,
    next_ordinal = ($1::jsonb -> p.id::text ->> 'window')::int,
    continuation = $1::jsonb -> p.id::text -> 'continuation'
  where p.id = any($2::uuid[]) and p.id between $3::uuid and $4::uuid
    and p.state = 'running' and p.epoch = ($1::jsonb -> p.id::text ->> 'epoch')::int
  returning p.id, p.organisation_id, p.root_id, p.ends, p.counts_for, p.priority, p.continuation, p.children_total,
            p.dispatch_id
), children as (
  insert into runs (id, organisation_id, root_id, parent_id, key, ordinal, counts_for, task, queue, priority, input,
                    file_id, max_attempts, soft_limit_ms, hard_limit_ms, dispatch_id)
  select c.id, p.organisation_id, p.root_id, p.id, c.key, c.ordinal, p.id, c.task, c.queue, p.priority, coalesce(c.input, 'null'),
         c.file_id, c.max_attempts, c.soft_limit_ms, c.hard_limit_ms, c.dispatch_id
    from parents p
    cross join lateral jsonb_to_recordset($1::jsonb -> p.id::text -> 'children') as c (
      id uuid, key text, ordinal int, task text, queue text, input jsonb, file_id uuid, max_attempts int,
      soft_limit_ms bigint, hard_limit_ms bigint, dispatch_id uuid)
  on conflict (id) do nothing
  returning id, organisation_id, task, queue, priority, dispatch_id, ordinal
), continued as (
  insert into runs (id, organisation_id, root_id, parent_id, key, ends, counts_for, task, queue, priority, input,
                    max_attempts, soft_limit_ms, hard_limit_ms, dispatch_id)
  select (p.continuation ->> 'id')::uuid, p.organisation_id, p.root_id, p.id, '', p.id || p.ends, p.counts_for,
         p.continuation ->> 'task', p.continuation ->> 'queue', p.priority, p.continuation -> 'input',
         (p.continuation ->> 'max_attempts')::int, (p.continuation ->> 'soft_limit_ms')::bigint,
         (p.continuation ->> 'hard_limit_ms')::bigint, uuid_v7()
    from parents p where p.children_total = 0
  on conflict (id) do nothing
  returning id, organisation_id, task, queue, priority, dispatch_id, 0 as ordinal
), parcels as (
  select dispatch_id as id, organisation_id, task, queue, priority, array_agg(r.id order by r.ordinal) as run_ids
    from (select * from children union all select * from continued) r
   where dispatch_id is not null
   group by dispatch_id, organisation_id, task, queue, priority
), dispatched as (
  insert into dispatches (id, organisation_id, task, queue, priority, run_ids, remaining, ready, due, pool, publications)
  select p.id, p.organisation_id, p.task, p.queue, p.priority, p.run_ids, cardinality(p.run_ids), true,
         now() + (case when l.pool is null then 0 else $7::float8 end) * interval '1 ms',
         l.pool, case when l.pool is null then 0 else 1 end
    from parcels p
    left join lateral (
      select pool from pool_leases
       where pool = $5::jsonb -> p.id::text ->> 'pool' and holder = $6::uuid
         and term = ($5::jsonb -> p.id::text ->> 'term')::bigint and expires_at > now()) l on true
  returning id, pool, queue, task, run_ids, ready
), finished as (
  select jsonb_object_agg(f.id::text, f.n) as by_id, array_agg(f.id) as ids
    from (select dispatch_id as id, count(*) as n from parents where dispatch_id is not null group by 1) f
), held as (
  select d.id, d.pool, d.remaining - ((select by_id from finished) ->> d.id::text)::int as remaining
    from dispatches d where d.id = any((select ids from finished)::uuid[]) order by d.id for update
), removed as (
  delete from dispatches d using held h where d.id = h.id and h.remaining <= 0 returning d.pool
), lowered as (
  update dispatches d set remaining = h.remaining from held h where d.id = h.id and h.remaining > 0
)
select coalesce((select jsonb_agg(id) from parents), '[]') as moved,
       coalesce((select jsonb_agg(jsonb_build_object('id', id, 'pool', pool, 'queue', queue, 'task', task,
                                                     'run_ids', run_ids, 'ready', ready)) from dispatched), '[]') as dispatched,
       coalesce((select jsonb_object_agg(pool, n) from (select pool, count(*) as n from removed where pool is not null group by 1) r), '{}') as removed`,
};
