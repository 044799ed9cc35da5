/**
 * Tasks that clients submit: single runs, without deployment and files.
 *
 * `submitted_tasks` is to a task what `executions` is to an execution: what lists are read by. `priority` is what the client asked
 * for; what orders the run in its queue stands with the run. A row is written once and never changes: how a task ended stands in
 * `ended_executions`, which nothing updates either, so that ten thousand ends cost no index but the one that finds failures.
 *
 * `live_executions` holds the roots that have not ended, tasks among them, so that ends, waiting requests, retention and
 * deletion know one place. The limits on unfinished executions count executions alone. What leaves it is noted by one trigger for each
 * statement. It sees how runs ended in the same statement, which is how all of them end.
 *
 * `task_keys` are idempotency keys. A row stands only with its task.
 */
export const tasks = `
create table submitted_tasks (
  id uuid primary key,
  organisation_id uuid not null,
  task text not null,
  priority int not null,
  created_at timestamptz not null default now(),
  run_at timestamptz,
  retry_of uuid references submitted_tasks (id) on delete set null
);
create index submitted_tasks_by_organisation on submitted_tasks (organisation_id, created_at desc, id desc);
create index submitted_tasks_by_name on submitted_tasks (organisation_id, task, created_at desc, id desc);
create index submitted_tasks_retry_of on submitted_tasks (retry_of) where retry_of is not null;

create table task_keys (
  organisation_id uuid not null,
  key text not null,
  fingerprint text not null,
  run_id uuid not null,
  created_at timestamptz not null default now(),
  primary key (organisation_id, key)
) with (fillfactor = 80);
create index task_keys_run on task_keys (run_id);
create index task_keys_age on task_keys (created_at);

alter table live_executions add column kind text not null default 'execution' check (kind in ('execution', 'task'));
create index live_executions_counted on live_executions (organisation_id) where kind = 'execution';
create index live_executions_by_organisation on live_executions (organisation_id, id);
drop index live_executions_organisation;

alter table ended_executions
  add column kind text not null default 'execution' check (kind in ('execution', 'task')),
  add column ending text check (ending in ('succeeded', 'failed', 'cancelled'));
create index ended_tasks_by_ending on ended_executions (organisation_id, ending, id)
  where kind = 'task' and ending in ('failed', 'cancelled');

drop trigger note_ending on live_executions;
drop trigger remember_ended_execution on live_executions;
drop function note_ending();
drop function remember_ended_execution();
create function note_endings() returns trigger language plpgsql as $$
begin
  insert into ended_executions (id, organisation_id, kind, ending)
  select g.id, g.organisation_id, g.kind, r.state
    from gone g
    left join lateral (select state from runs where runs.id = g.id and state in ('succeeded', 'failed', 'cancelled')) r on true
  on conflict do nothing;
  if exists (select from gone where kind = 'execution') then
    update executions e set ending = n.ending
      from ended_executions n
     where n.id = any(array(select id from gone where kind = 'execution')) and e.id = n.id and n.ending is not null;
  end if;
  return null;
end
$$;
create trigger note_endings after delete on live_executions
  referencing old table as gone for each statement execute function note_endings();

alter table replays add column kind text not null default 'executions' check (kind in ('executions', 'tasks'));
alter table replay_items add column made_task_id uuid references submitted_tasks (id) on delete set null;
create index replay_items_made_task on replay_items (made_task_id) where made_task_id is not null;

create or replace function accept_execution(request jsonb, out total int, out own int, out dispatched jsonb)
language plpgsql as $$
declare
  e record;
  l record;
  leased text;
begin
  -- Counting and inserting is one step across all backends. Any number; freed with the transaction.
  perform pg_advisory_xact_lock(7061983);
  select * into e from jsonb_to_record(request) as r (
    id uuid, organisation_id uuid, deployment_id uuid, workflow_version_id uuid, tags text[], custom_data jsonb,
    include_metadata boolean, include_metrics boolean, include_extracted_text boolean, llm_profile_id uuid,
    max_unfinished int, max_unfinished_own int, object text);
  select * into l from jsonb_to_record(request) as r (
    task text, queue text, input jsonb, max_attempts int, soft_limit_ms bigint, hard_limit_ms bigint,
    dispatch_id uuid, pool text, holder uuid, term bigint, publication_timeout_ms double precision);
  select count(*), count(*) filter (where organisation_id = e.organisation_id) into total, own
    from live_executions where kind = 'execution';
  if total >= e.max_unfinished or own >= e.max_unfinished_own then
    return;
  end if;
  insert into executions (id, organisation_id, deployment_id, workflow_version_id, tags, custom_data, include_metadata,
                          include_metrics, include_extracted_text, llm_profile_id)
  values (e.id, e.organisation_id, e.deployment_id, e.workflow_version_id, e.tags, nullif(e.custom_data, 'null'),
          e.include_metadata, e.include_metrics, e.include_extracted_text, e.llm_profile_id);
  insert into live_executions (id, organisation_id) values (e.id, e.organisation_id);
  insert into files (id, execution_id, organisation_id, ordinal, name, size, sha256, object, byte_offset)
  select f.id, e.id, e.organisation_id, f.ordinal, f.name, f.size, f.sha256, e.object, f.byte_offset
    from jsonb_to_recordset(request -> 'files')
      as f (id uuid, ordinal int, name text, size bigint, sha256 text, byte_offset bigint);
  insert into runs (id, organisation_id, root_id, task, queue, input, max_attempts, soft_limit_ms, hard_limit_ms,
                    dispatch_id)
  values (e.id, e.organisation_id, e.id, l.task, l.queue, l.input, l.max_attempts, l.soft_limit_ms, l.hard_limit_ms,
          l.dispatch_id);
  select pool_leases.pool into leased from pool_leases
   where pool_leases.pool = l.pool and pool_leases.holder = l.holder and pool_leases.term = l.term
     and pool_leases.expires_at > now();
  insert into dispatches (id, organisation_id, task, queue, priority, run_ids, remaining, ready, due, pool, publications)
  values (l.dispatch_id, e.organisation_id, l.task, l.queue, 0, array[e.id], 1, true,
          now() + (case when leased is null then 0 else l.publication_timeout_ms end) * interval '1 ms',
          leased, case when leased is null then 0 else 1 end)
  on conflict (id) do update set run_ids = dispatches.run_ids || excluded.run_ids, remaining = dispatches.remaining + 1;
  dispatched := jsonb_build_object('id', l.dispatch_id, 'pool', leased, 'queue', l.queue, 'task', l.task,
                                   'run_ids', jsonb_build_array(e.id), 'ready', true);
end
$$;
`;
