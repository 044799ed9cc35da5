/**
 * The schema of the truth.
 *
 * `runs` is partitioned by id: ids are UUID v7 and a whole family (root, children, continuations) shares the
 * timestamp of its root, so that a family lies in one partition and old history is dropped, never deleted.
 * Updates of `runs` must stay HOT: no index names a column that changes after the insert. What would be a partial
 * index on live states is the table `dispatches`.
 */
export const initial = `
create function uuid_v7() returns uuid language sql volatile parallel safe as $$
  select encode(
    set_bit(set_bit(
      overlay(uuid_send(gen_random_uuid())
        placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
        from 1 for 6),
      52, 1), 53, 1), 'hex')::uuid
$$;

create table organisations (
  id uuid primary key,
  name text not null unique,
  weight int not null default 1 check (weight between 1 and 1000),
  max_parallel_files int check (max_parallel_files >= 1),
  created_at timestamptz not null default now()
);

create table workflows (
  id uuid primary key,
  organisation_id uuid not null references organisations (id),
  name text not null,
  created_at timestamptz not null default now(),
  unique (organisation_id, name)
);

create table workflow_versions (
  id uuid primary key,
  workflow_id uuid not null references workflows (id),
  version int not null,
  definition jsonb not null,
  created_at timestamptz not null default now(),
  unique (workflow_id, version)
);

create table deployments (
  id uuid primary key,
  organisation_id uuid not null references organisations (id),
  api_name text not null,
  workflow_id uuid not null references workflows (id),
  settings jsonb not null default '{}',
  active boolean not null default true,
  created_at timestamptz not null default now(),
  unique (organisation_id, api_name)
);

create table api_keys (
  id uuid primary key,
  kind text not null check (kind in ('admin', 'organisation', 'deployment', 'service')),
  name text not null,
  hash bytea not null unique,
  organisation_id uuid references organisations (id),
  deployment_id uuid references deployments (id),
  workers text[] not null default '{}',
  queues text[] not null default '{}',
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  check ((kind in ('organisation', 'deployment')) = (organisation_id is not null)),
  check ((kind = 'deployment') = (deployment_id is not null))
);

create table instance_secrets (
  name text primary key,
  value bytea not null
);

create table tasks (
  name text primary key,
  task_group text not null,
  queue text not null,
  description text not null,
  input_schema jsonb not null,
  max_attempts int not null,
  soft_limit_ms bigint not null,
  hard_limit_ms bigint not null,
  isolation text not null,
  average_ms double precision,
  registered_at timestamptz not null default now()
);

create table sessions (
  id uuid primary key,
  pool text not null,
  worker text not null,
  instance text not null,
  hostname text not null,
  pid int not null,
  queues text[] not null,
  tasks text[] not null,
  concurrency int not null,
  contract_version int not null,
  health_port int,
  state text not null default 'active' check (state in ('active', 'draining', 'ended', 'lapsed')),
  active int not null default 0,
  loop_age_ms double precision not null default 0,
  started_at timestamptz not null default now(),
  seen_at timestamptz not null default now(),
  ended_at timestamptz
) with (fillfactor = 50);
create index sessions_live on sessions (pool) where ended_at is null;

create table pool_leases (
  pool text primary key,
  holder uuid not null,
  term bigint not null,
  expires_at timestamptz not null
) with (fillfactor = 50);

create table runs (
  id uuid not null,
  organisation_id uuid not null,
  root_id uuid not null,
  parent_id uuid,
  key text,
  ordinal int,
  ends uuid[] not null default '{}',
  counts_for uuid,
  task text not null,
  queue text not null,
  priority int not null default 0,
  input jsonb not null,
  file_id uuid,
  max_attempts int not null,
  soft_limit_ms bigint not null,
  hard_limit_ms bigint not null,
  created_at timestamptz not null default now(),

  state text not null default 'queued'
    check (state in ('queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled')),
  epoch int not null default 0,
  starts int not null default 0,
  attempts int not null default 0,
  session_id uuid,
  dispatch_id uuid,
  started_at timestamptz,
  claimed_at timestamptz,
  finished_at timestamptz,
  progress jsonb,
  output jsonb,
  error jsonb,
  continuation jsonb,
  children_total int not null default 0,
  children_pending int not null default 0,
  next_ordinal int not null default 0,

  primary key (id)
) partition by range (id);
create index runs_parent on runs (parent_id, ordinal) where parent_id is not null;
create index runs_organisation on runs (organisation_id, created_at);
create table runs_default partition of runs default with (fillfactor = 50, toast_tuple_target = 512);

create table attempts (
  run_id uuid not null,
  epoch int not null,
  session_id uuid,
  started_at timestamptz,
  ended_at timestamptz not null default now(),
  outcome text not null,
  error jsonb,
  primary key (run_id, epoch)
);

create table dispatches (
  id uuid primary key,
  organisation_id uuid not null,
  task text not null,
  queue text not null,
  priority int not null,
  run_ids uuid[] not null check (cardinality(run_ids) between 1 and 50),
  remaining int not null,
  ready boolean not null,
  due timestamptz not null,
  pool text,
  publications int not null default 0,
  session_id uuid,
  claim_id uuid,
  created_at timestamptz not null default now()
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);
create index dispatches_waiting on dispatches (queue, organisation_id, priority desc, id) where pool is null and ready;
create index dispatches_deferred on dispatches (due) where not ready;
create index dispatches_published on dispatches (pool) where pool is not null;

create table queue_depths (
  queue text primary key,
  queued int not null,
  due int not null,
  running int not null,
  oldest_at timestamptz,
  measured_at timestamptz not null default now()
) with (fillfactor = 50);

create table executions (
  id uuid primary key,
  organisation_id uuid not null,
  deployment_id uuid not null,
  workflow_version_id uuid not null,
  tags text[] not null,
  custom_data jsonb,
  include_metadata boolean not null,
  include_metrics boolean not null,
  include_extracted_text boolean not null,
  llm_profile_id uuid,
  created_at timestamptz not null default now(),
  acknowledged_at timestamptz
) with (fillfactor = 80);
create index executions_deployment on executions (deployment_id, created_at);

create table live_executions (
  id uuid primary key,
  organisation_id uuid not null
);
create index live_executions_organisation on live_executions (organisation_id);

create table files (
  id uuid primary key,
  execution_id uuid not null,
  organisation_id uuid not null,
  ordinal int not null,
  name text not null,
  size bigint not null,
  sha256 text not null,
  object text not null,
  byte_offset bigint not null
);
create index files_execution on files (execution_id, ordinal);

create table run_logs (
  id bigint generated always as identity primary key,
  run_id uuid not null,
  at timestamptz not null default now(),
  level text not null,
  message text not null,
  fields jsonb
);
create index run_logs_run on run_logs (run_id, id);

create function accept_execution(request jsonb, out total int, out own int, out dispatched jsonb)
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
  select count(*), count(*) filter (where organisation_id = e.organisation_id) into total, own from live_executions;
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
