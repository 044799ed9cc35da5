/**
 * What retention and deletion need to find things by the time at which executions ended, without an index on a column
 * of `runs` that changes.
 *
 * `ended_executions` gets its row when an execution leaves `live_executions`, whoever ends it. Nothing in it that is
 * indexed ever changes; how far each kind of data was cleared is one mark for each organisation and kind.
 * `doomed_objects` names objects whose rows are gone: written with their deletion, removed once the object is.
 */
export const retention = `
alter table organisations add column retention jsonb not null default '{}';

create table ended_executions (
  id uuid primary key,
  organisation_id uuid not null,
  ended_at timestamptz not null default now(),
  uploads_removed_at timestamptz,
  results_removed_at timestamptz,
  logs_removed_at timestamptz
) with (fillfactor = 80);
create index ended_executions_organisation on ended_executions (organisation_id, ended_at, id);

insert into ended_executions (id, organisation_id, ended_at)
select id, organisation_id, finished_at from runs
 where id = root_id and state in ('succeeded', 'failed', 'cancelled');

create function remember_ended_execution() returns trigger language plpgsql as $$
begin
  insert into ended_executions (id, organisation_id) values (old.id, old.organisation_id) on conflict do nothing;
  return null;
end
$$;
create trigger remember_ended_execution after delete on live_executions
  for each row execute function remember_ended_execution();

create table retention_marks (
  organisation_id uuid not null,
  kind text not null check (kind in ('uploads', 'results', 'logs')),
  ended_at timestamptz not null,
  after_id uuid not null,
  primary key (organisation_id, kind)
) with (fillfactor = 50);

create table doomed_objects (
  object text primary key,
  organisation_id uuid not null,
  doomed_at timestamptz not null default now()
);

create index idempotency_keys_execution on idempotency_keys (execution_id);

create table run_log_totals (
  run_id uuid primary key,
  lines bigint not null,
  bytes bigint not null
) with (fillfactor = 50);
insert into run_log_totals (run_id, lines, bytes)
select run_id, count(*), sum(octet_length(message) + coalesce(octet_length(fields::text), 0)) from run_logs group by run_id;

create table deletions (
  id uuid primary key,
  organisation_id uuid not null unique,
  organisation text not null,
  state text not null default 'running' check (state in ('running', 'done')),
  requested_at timestamptz not null default now(),
  finished_at timestamptz,
  removed jsonb not null default '{}',
  remaining jsonb
);

-- An organisation that is being deleted, or was, gets no new work, however long ago its request was let in. The lock, shared
-- among the accepting and held alone where a deletion begins, makes asking and inserting one step.
create function refuse_deleted_organisation() returns trigger language plpgsql as $$
begin
  perform pg_advisory_xact_lock_shared(7061985, hashtext(new.organisation_id::text));
  if exists (select 1 from deletions where organisation_id = new.organisation_id) then
    raise exception 'organisation % is deleted', new.organisation_id using errcode = 'LS410';
  end if;
  return new;
end
$$;
create trigger refuse_deleted_organisation before insert on live_executions
  for each row execute function refuse_deleted_organisation();
`;
