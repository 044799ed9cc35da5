import type { Statement } from '../store/database.ts';

/**
 * Writes tasks that were submitted together: run, list entry, key and dispatch of each, in one step. What a key names
 * already writes nothing and is answered with the task of the key; what a replay does not want any more writes nothing, nor what is asked
 * for with a key that is not good any more.
 *
 * $1 [task], no key of an organisation twice; $2 this backend's id; $3 time until an unclaimed publication is looked after, ms;
 * $4 hours that a key is valid. Keys are locked in their order.
 */
export const submitTasks: Statement = {
  name: 'submit_tasks',
  text: `
with item as (
  select i.* from rows from (jsonb_to_recordset($1::jsonb) as (
           id uuid, organisation_id uuid, task text, queue text, priority int, asked_priority int, input jsonb,
           delay_ms float8, max_attempts int, soft_limit_ms bigint, hard_limit_ms bigint, dispatch_id uuid, pool text,
           term bigint, key text, fingerprint text, retry_of uuid, replay_id uuid, replay_place int, key_id uuid))
         with ordinality as i (id, organisation_id, task, queue, priority, asked_priority, input, delay_ms, max_attempts,
           soft_limit_ms, hard_limit_ms, dispatch_id, pool, term, key, fingerprint, retry_of, replay_id, replay_place, key_id, place)
   where i.key_id is null or exists (
           select from api_keys a
            where a.id = i.key_id and a.revoked_at is null and (a.expires_at is null or a.expires_at > now()) offset 0)
), keyed as (
  insert into task_keys as k (organisation_id, key, fingerprint, run_id)
  select organisation_id, key, fingerprint, id from item where key is not null order by organisation_id, key
  on conflict (organisation_id, key) do update set
    fingerprint = case when k.created_at < now() - $4::int * interval '1 hour' then excluded.fingerprint else k.fingerprint end,
    run_id = case when k.created_at < now() - $4::int * interval '1 hour' then excluded.run_id else k.run_id end,
    created_at = case when k.created_at < now() - $4::int * interval '1 hour' then excluded.created_at else k.created_at end
  returning k.organisation_id, k.key, k.run_id, k.fingerprint
), going_on as (
  select j.id from replays j
   where j.id = any(array(select replay_id from item where replay_id is not null)) and j.state = 'running'
   order by j.id for share
), wanted as (
  update replay_items r set state = 'made', made_task_id = i.id
    from item i
   where i.replay_id is not null and i.replay_id = any(array(select id from going_on))
     and r.replay_id = i.replay_id and r.place = i.replay_place and r.state = 'waiting'
  returning r.made_task_id
), fresh as (
  select i.* from item i
   where (i.key is null or i.id = any(array(select run_id from keyed)))
     and (i.replay_id is null or i.id = any(array(select made_task_id from wanted)))
), made as (
  insert into runs (id, organisation_id, root_id, task, queue, priority, input, max_attempts, soft_limit_ms, hard_limit_ms,
                    dispatch_id)
  select id, organisation_id, id, task, queue, priority, input, max_attempts, soft_limit_ms, hard_limit_ms, dispatch_id
    from fresh order by place
), live as (
  insert into live_executions (id, organisation_id, kind) select id, organisation_id, 'task' from fresh order by place
), listed as (
  insert into submitted_tasks (id, organisation_id, task, priority, run_at, retry_of)
  select id, organisation_id, task, asked_priority,
         case when delay_ms > 0 then now() + delay_ms * interval '1 ms' end, retry_of
    from fresh order by place
), parcels as (
  select dispatch_id, organisation_id, task, queue, priority, delay_ms, pool, term, array_agg(id order by place) as run_ids
    from fresh group by dispatch_id, organisation_id, task, queue, priority, delay_ms, pool, term
), dispatched as (
  insert into dispatches (id, organisation_id, task, queue, priority, run_ids, remaining, ready, due, pool, publications)
  select p.dispatch_id, p.organisation_id, p.task, p.queue, p.priority, p.run_ids, cardinality(p.run_ids), p.delay_ms = 0,
         now() + (case when l.pool is null then p.delay_ms else $3::float8 end) * interval '1 ms',
         l.pool, case when l.pool is null then 0 else 1 end
    from parcels p
    left join lateral (
      select pool_leases.pool from pool_leases
       where p.delay_ms = 0 and pool_leases.pool = p.pool and pool_leases.holder = $2::uuid and pool_leases.term = p.term
         and pool_leases.expires_at > now()) l on true
   order by p.dispatch_id
  returning id, pool, queue, task, run_ids, ready
)
select coalesce((select jsonb_agg(id) from fresh), '[]') as written,
       coalesce((select jsonb_agg(jsonb_build_object('organisation_id', organisation_id, 'key', key, 'task_id', run_id,
                                                     'fingerprint', fingerprint)) from keyed), '[]') as keys,
       coalesce((select jsonb_agg(jsonb_build_object('id', id, 'pool', pool, 'queue', queue, 'task', task,
                                                     'run_ids', run_ids, 'ready', ready)) from dispatched), '[]') as dispatched`,
};
