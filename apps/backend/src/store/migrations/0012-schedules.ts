/**
 * Schedules: work that begins by itself.
 *
 * A firing is one transaction: it locks the schedule, moves `next_at` on, and writes the firing with the run that it makes.
 * `due_at` is when somebody has to look at the schedule: `next_at` and its jitter, or later when there was no room; null while it is
 * paused and when there is no time left. The primary key of `schedule_firings` lets each time of a schedule happen once,
 * whatever backends do.
 *
 * `live_runs` are the runs it fired that had not ended when last looked. `skipped_at` and `skipped_for` name the line of its history
 * that tells of times skipped last, so that the next one skipped for the same reason needs no line of its own.
 *
 * A firing with a run goes when the run goes; `schedule_firings.run_id` is the root of its family, so of a pipeline its execution.
 */
export const schedules = `
create table schedules (
  id uuid primary key,
  organisation_id uuid not null references organisations (id),
  name text not null,
  form json not null,
  task text,
  pipeline_id uuid references deployments (id) on delete cascade,
  overlap text not null check (overlap in ('skip', 'queue', 'replace', 'allow')),
  paused boolean not null,
  next_at timestamptz,
  due_at timestamptz,
  live_runs uuid[] not null default '{}',
  waiting int not null default 0 check (waiting >= 0),
  skipped_at timestamptz,
  skipped_for text,
  fired bigint not null default 0,
  last_fired_at timestamptz,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  check ((task is null) <> (pipeline_id is null)),
  check (next_at is not null or due_at is null),
  unique (organisation_id, name)
) with (fillfactor = 50);
create index schedules_due on schedules (due_at) where due_at is not null;
create index schedules_waiting on schedules (id) where waiting > 0;
create index schedules_pipeline on schedules (pipeline_id) where pipeline_id is not null;

create table schedule_firings (
  schedule_id uuid not null references schedules (id) on delete cascade,
  fire_at timestamptz not null,
  organisation_id uuid not null,
  outcome text not null check (outcome in ('fired', 'waiting', 'skipped', 'failed')),
  reason text,
  by_hand boolean not null default false,
  last_at timestamptz,
  count int,
  due_at timestamptz,
  decided_at timestamptz not null default now(),
  run_id uuid,
  check ((outcome = 'fired') = (run_id is not null)),
  primary key (schedule_id, fire_at)
) with (fillfactor = 80);
create index schedule_firings_run on schedule_firings (run_id) where run_id is not null;
create index schedule_firings_waiting on schedule_firings (schedule_id, fire_at) where outcome = 'waiting';
create index schedule_firings_idle on schedule_firings (decided_at) where run_id is null;
create index schedule_firings_organisation on schedule_firings (organisation_id);
`;
