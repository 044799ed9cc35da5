/**
 * Credentials with which pipelines reach their sources and destinations, and marks by which a file is known unchanged without
 * being read.
 *
 * `sealed_values` holds the values as JSON, sealed; `keys` says which there are. A mark is what a source says of one state of a
 * file (an ETag, or when and how a file was written). `files.mark` is the mark under which a file was taken,
 * `delivered_mark` and `failed_mark` are the marks of what `delivered_sha256` and `failed_sha256` tell the content of.
 */
export const credentials = `
create table credentials (
  id uuid primary key,
  organisation_id uuid not null references organisations (id),
  name text not null,
  type text not null,
  description text,
  keys text[] not null,
  sealed_values text not null,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  last_used_at timestamptz,
  unique (organisation_id, name)
);

alter table files add column mark text;

alter table pipeline_files
  add column delivered_mark text,
  add column failed_mark text;

create or replace function take_pipeline_file(given jsonb) returns text language plpgsql as $$
declare
  g record;
  run record;
  execution record;
  known record;
begin
  select * into g from jsonb_to_record(given) as r (
    run_id uuid, epoch int, file_id uuid, path text, ordinal int, size bigint, sha256 text, object text, mark text);
  -- The attempt can neither end nor be replaced before this is committed.
  select r.organisation_id, (r.input ->> 'force')::boolean as force into run from runs r
   where r.id = g.run_id and r.state = 'running' and r.epoch = g.epoch for share;
  if not found then
    return 'superseded';
  end if;
  select e.deployment_id, e.workflow_version_id into execution from executions e where e.id = g.run_id;
  insert into pipeline_files (pipeline_id, path, organisation_id)
  values (execution.deployment_id, g.path, run.organisation_id) on conflict do nothing;
  select * into known from pipeline_files p
   where p.pipeline_id = execution.deployment_id and p.path = g.path for update;
  if known.held_by <> g.run_id and exists (select 1 from live_executions l where l.id = known.held_by) then
    return 'active elsewhere';
  end if;
  -- The same content under a new mark: the next run knows it by that one.
  if not run.force and known.delivered_sha256 = g.sha256 and known.delivered_version = execution.workflow_version_id then
    update pipeline_files p set delivered_mark = g.mark
     where p.pipeline_id = execution.deployment_id and p.path = g.path and p.delivered_mark is distinct from g.mark;
    return 'unchanged';
  end if;
  if not run.force and known.failures >= 3 and known.failed_sha256 = g.sha256
     and known.failed_version = execution.workflow_version_id then
    update pipeline_files p set failed_mark = g.mark
     where p.pipeline_id = execution.deployment_id and p.path = g.path and p.failed_mark is distinct from g.mark;
    return 'failed 3 times';
  end if;
  update pipeline_files p set held_by = g.run_id
   where p.pipeline_id = execution.deployment_id and p.path = g.path;
  insert into doomed_objects (object, organisation_id)
  select f.object, f.organisation_id from files f where f.id = g.file_id and f.object <> g.object on conflict do nothing;
  insert into files (id, execution_id, organisation_id, ordinal, name, size, sha256, object, byte_offset, epoch, mark)
  values (g.file_id, g.run_id, run.organisation_id, g.ordinal, g.path, g.size, g.sha256, g.object, 0, g.epoch, g.mark)
  on conflict (id) do update set
    (ordinal, size, sha256, object, epoch, problem, mark) =
    (excluded.ordinal, excluded.size, excluded.sha256, excluded.object, excluded.epoch, null, excluded.mark);
  return 'taken';
end
$$;
`;
