import type { Statement } from '../store/database.ts';

/**
 * The one statement through which an attempt ends: success, failure, retry, hand-back, a lapsed session and the
 * poison limit alike. In one transaction it
 *   moves each run that is still `running` in the reported epoch (the terminal guard),
 *   ends the ancestors whose continuation this was,
 *   lowers the parents' counts by the rows that really moved,
 *   opens as many waiting siblings as ended,
 *   creates the continuation of each parent whose count reached zero,
 *   writes the dispatches of everything that became ready,
 *   removes the dispatches whose runs are all done, and the executions that ended from the live ones.
 *
 * $1 {run id: {epoch, to, delay_ms}} where `to` is succeeded | failed | retry | released |
 * lapsed | cancelled (which only a cancel's own transaction says; a hand-back takes its start back: only starts that ended in nothing count for the poison limit); $9 {run id: {output, error}}
 * (apart from $1, since every look into a jsonb object copies what it finds);
 * $2 run ids in ascending order; $3..$4 family range; $5 {task: parcel size};
 * $6 {task: {queue: {pool, term}}} pools into which what becomes ready may be published at once; $7 this backend's id;
 * $8 time until an unclaimed publication is looked after, ms.
 * Values are picked from $1 by id: a join of batch rows to `runs` goes wrong as the table grows.
 * The siblings that are opened are locked, behind their parent: one that was cancelled while this statement waited for the parent is still queued in its
 * snapshot, and a lock looks again.
 * Rows are locked in id order: an index scan over `any(array)` visits the ids sorted.
 */
export const endRuns: Statement = {
  name: 'end_runs',
  text: `
with moved as (
  update runs r set
    state = case $1::jsonb -> r.id::text ->> 'to'
      when 'succeeded' then 'succeeded'
      when 'cancelled' then 'cancelled'
      when 'released' then 'queued'
      when 'lapsed' then 'queued'
      when 'retry' then case when r.attempts + 1 < r.max_attempts then 'queued' else 'failed' end
      else 'failed' end,
    attempts = r.attempts + case when $1::jsonb -> r.id::text ->> 'to' in ('retry', 'failed') then 1 else 0 end,
    starts = r.starts - case when $1::jsonb -> r.id::text ->> 'to' = 'released' then 1 else 0 end,
    output = nullif($9::jsonb -> r.id::text -> 'output', 'null'),
    error = nullif($9::jsonb -> r.id::text -> 'error', 'null'),
    finished_at = case
      when $1::jsonb -> r.id::text ->> 'to' in ('succeeded', 'failed', 'cancelled') then now()
      when $1::jsonb -> r.id::text ->> 'to' = 'retry' and r.attempts + 1 >= r.max_attempts then now() end
  where r.id = any($2::uuid[]) and r.id between $3::uuid and $4::uuid
    and r.state = 'running' and r.epoch = ($1::jsonb -> r.id::text ->> 'epoch')::int
  returning r.id, r.state, r.organisation_id, r.root_id, r.ends, r.counts_for, r.dispatch_id, r.task, r.queue,
            r.priority, case when cardinality(r.ends) > 0 then r.output end as output, r.error, r.epoch, r.session_id, r.claimed_at
), history as (
  insert into attempts (run_id, epoch, session_id, started_at, outcome, error)
  select m.id, m.epoch, m.session_id, m.claimed_at, $1::jsonb -> m.id::text ->> 'to', m.error
    from moved m where m.state = 'queued'
  on conflict do nothing
), done as (
  select * from moved where state <> 'queued'
), endings as (
  select jsonb_object_agg(e.ancestor::text, jsonb_build_object('state', d.state, 'output', d.output, 'error', d.error))
      as by_id,
    array_agg(e.ancestor) as ids
    from done d cross join lateral unnest(d.ends) as e(ancestor)
), ended as (
  update runs p set
    state = (select by_id from endings) -> p.id::text ->> 'state',
    output = nullif((select by_id from endings) -> p.id::text -> 'output', 'null'),
    error = nullif((select by_id from endings) -> p.id::text -> 'error', 'null'),
    finished_at = now()
  where p.id = any((select ids from endings)::uuid[]) and p.id between $3::uuid and $4::uuid and p.state = 'waiting'
  returning p.id, p.state, p.root_id
), falls as (
  select jsonb_object_agg(c.parent::text, c.n) as by_id, array_agg(c.parent) as ids
    from (select counts_for as parent, count(*) as n from done where counts_for is not null group by 1) c
), counted as (
  update runs p set
    children_pending = p.children_pending - ((select by_id from falls) ->> p.id::text)::int,
    next_ordinal = p.next_ordinal + ((select by_id from falls) ->> p.id::text)::int
  where p.id = any((select ids from falls)::uuid[]) and p.id between $3::uuid and $4::uuid and p.state = 'waiting'
  returning p.id, p.organisation_id, p.root_id, p.ends, p.counts_for, p.priority, p.continuation,
            p.children_pending, p.children_total, p.next_ordinal
), opened as (
  select s.id, s.organisation_id, s.task, s.queue, s.priority, s.ordinal
    from counted c
    cross join lateral (
      select r.* from runs r
       where r.parent_id = c.id and r.id between $3::uuid and $4::uuid and r.state = 'queued'
         and r.ordinal >= c.next_ordinal - ((select by_id from falls) ->> c.id::text)::int
         and r.ordinal < c.next_ordinal
         for no key update) s
   where c.next_ordinal - ((select by_id from falls) ->> c.id::text)::int < c.children_total
), continued as (
  insert into runs (id, organisation_id, root_id, parent_id, key, ends, counts_for, task, queue, priority, input,
                    max_attempts, soft_limit_ms, hard_limit_ms)
  select (c.continuation ->> 'id')::uuid, c.organisation_id, c.root_id, c.id, '', c.id || c.ends, c.counts_for,
         c.continuation ->> 'task', c.continuation ->> 'queue', c.priority, c.continuation -> 'input',
         (c.continuation ->> 'max_attempts')::int, (c.continuation ->> 'soft_limit_ms')::bigint,
         (c.continuation ->> 'hard_limit_ms')::bigint
    from counted c where c.children_pending = 0
  on conflict (id) do nothing
  returning id, organisation_id, task, queue, priority
), ready as (
  select id, organisation_id, task, queue, priority, ordinal, 0::float8 as delay_ms, 'opened' as why from opened
  union all
  select id, organisation_id, task, queue, priority, 0, 0, 'continued' from continued
  union all
  select id, organisation_id, task, queue, priority, 0,
         coalesce(($1::jsonb -> id::text ->> 'delay_ms')::float8, 0), id::text from moved where state = 'queued'
), parcels as (
  select organisation_id, task, queue, priority, delay_ms, array_agg(id order by ordinal, id) as run_ids
    from (select *, (row_number() over (partition by organisation_id, task, queue, priority, delay_ms, why order by ordinal, id) - 1)
                    / coalesce(($5::jsonb ->> task)::int, 1) as chunk from ready) numbered
   group by organisation_id, task, queue, priority, delay_ms, why, chunk
), dispatched as (
  insert into dispatches (id, organisation_id, task, queue, priority, run_ids, remaining, ready, due, pool, publications)
  select uuid_v7(), p.organisation_id, p.task, p.queue, p.priority, p.run_ids, cardinality(p.run_ids),
         p.delay_ms = 0, now() + (case when l.pool is null then p.delay_ms else $8::float8 end) * interval '1 ms',
         l.pool, case when l.pool is null then 0 else 1 end
    from parcels p
    left join lateral (
      select pool from pool_leases
       where p.delay_ms = 0 and pool = $6::jsonb -> p.task -> p.queue ->> 'pool' and holder = $7::uuid
         and term = ($6::jsonb -> p.task -> p.queue ->> 'term')::bigint and expires_at > now()) l on true
  returning id, pool, queue, task, run_ids, ready
), finished as (
  select jsonb_object_agg(f.id::text, f.n) as by_id, array_agg(f.id) as ids
    from (select dispatch_id as id, count(*) as n from moved where dispatch_id is not null group by 1) f
), held as (
  select d.id, d.pool, d.remaining - ((select by_id from finished) ->> d.id::text)::int as remaining
    from dispatches d where d.id = any((select ids from finished)::uuid[]) order by d.id for update
), removed as (
  delete from dispatches d using held h where d.id = h.id and h.remaining <= 0 returning d.pool
), lowered as (
  update dispatches d set remaining = h.remaining from held h where d.id = h.id and h.remaining > 0
), ended_executions as (
  delete from live_executions l
   where l.id = any(array(select id from ended where id = root_id union all select id from done where id = root_id))
  returning l.id
)
select coalesce((select jsonb_agg(id) from moved), '[]') as moved,
       coalesce((select jsonb_agg(jsonb_build_object('id', id, 'pool', pool, 'queue', queue, 'task', task,
                                                     'run_ids', run_ids, 'ready', ready)) from dispatched), '[]') as dispatched,
       coalesce((select jsonb_object_agg(pool, n) from (select pool, count(*) as n from removed where pool is not null group by 1) r), '{}') as removed,
       coalesce((select jsonb_agg(id) from ended_executions), '[]') as ended_executions`,
};

/**
 * State and epoch of runs whose report did not take effect, to say why. To a worker a run whose deadline passed is a cancelled one: no
 * report of its own ended it. $1 run ids, $2..$3 family range.
 */
export const standingOfRuns: Statement = {
  name: 'standing_of_runs',
  text: `select id, epoch, case when state = 'failed' and error ->> 'code' = 'deadline' then 'cancelled' else state end as state
           from runs where id = any($1::uuid[]) and id between $2::uuid and $3::uuid`,
};
