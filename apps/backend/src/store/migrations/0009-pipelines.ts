/**
 * Pipelines: deployments that have a source of their own, and a destination.
 *
 * `pipeline_files` knows each file of each pipeline by its path: which execution has it in hands, what was delivered of it
 * last, and how often it failed as it is. Its primary key is the guard: of two executions that want a file, one gets
 * the row. A holder that has ended holds nothing, so nothing has to be cleared after a crash or a cancel. Its column is
 * not called `execution_id`, for the row outlives its executions.
 *
 * `files.epoch` is the attempt of the planning run that took a file, `files.problem` why its bytes could not be had.
 */
export const pipelines = `
alter table deployments
  add column kind text not null default 'api' check (kind in ('api', 'pipeline')),
  add column source json,
  add column destination json,
  add constraint deployments_pipeline check ((kind = 'pipeline') = (source is not null and destination is not null));

alter table files
  add column problem text,
  add column epoch int;

create table pipeline_files (
  pipeline_id uuid not null references deployments (id) on delete cascade,
  path text not null,
  organisation_id uuid not null,
  held_by uuid,
  delivered_sha256 text,
  delivered_version uuid,
  delivered_at timestamptz,
  failed_sha256 text,
  failed_version uuid,
  failures int not null default 0,
  primary key (pipeline_id, path)
) with (fillfactor = 80);
create index pipeline_files_organisation on pipeline_files (organisation_id);

-- Decides about a file whose bytes are stored, and takes it. Each statement of it sees what was committed before that statement:
-- whoever waited for the row sees whether its holder lives.
create function take_pipeline_file(given jsonb) returns text language plpgsql as $$
declare
  g record;
  run record;
  execution record;
  known record;
begin
  select * into g from jsonb_to_record(given) as r (
    run_id uuid, epoch int, file_id uuid, path text, ordinal int, size bigint, sha256 text, object text);
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
  if not run.force and known.delivered_sha256 = g.sha256 and known.delivered_version = execution.workflow_version_id then
    return 'unchanged';
  end if;
  if not run.force and known.failures >= 3 and known.failed_sha256 = g.sha256
     and known.failed_version = execution.workflow_version_id then
    return 'failed 3 times';
  end if;
  update pipeline_files p set held_by = g.run_id
   where p.pipeline_id = execution.deployment_id and p.path = g.path;
  insert into doomed_objects (object, organisation_id)
  select f.object, f.organisation_id from files f where f.id = g.file_id and f.object <> g.object on conflict do nothing;
  insert into files (id, execution_id, organisation_id, ordinal, name, size, sha256, object, byte_offset, epoch)
  values (g.file_id, g.run_id, run.organisation_id, g.ordinal, g.path, g.size, g.sha256, g.object, 0, g.epoch)
  on conflict (id) do update set
    (ordinal, size, sha256, object, epoch, problem) =
    (excluded.ordinal, excluded.size, excluded.sha256, excluded.object, excluded.epoch, null);
  return 'taken';
end
$$;
`;
