/**
 * Failures by cause, replays, deadlines.
 *
 * `failures` has one row for each run whose own attempt failed, written in the transaction that ends it, whoever does: a
 * trigger sees every way. A run that is ended by its continuation is not told once more. `runs` itself may have no index on its
 * state, so this is what failures are found by. Nothing in it changes.
 *
 * `executions.replay_of` names the execution that was run again. The foreign key makes asking for that one and naming it one
 * step, and forgets it when it is deleted. `replay_items` are the executions of a replay of many; what one became is written with the
 * acceptance of the new one, so that none is made twice, and none after the replay was cancelled.
 *
 * `live_executions.deadline` is when an execution must have ended.
 */
export const replay = `
create table failures (
  run_id uuid primary key,
  root_id uuid not null,
  organisation_id uuid not null,
  deployment_id uuid,
  at timestamptz not null default now(),
  cause text not null,
  task text not null,
  code text not null,
  message text not null
);
create index failures_recent on failures (organisation_id, at desc, run_id desc);
create index failures_cause on failures (organisation_id, cause, at desc, run_id desc);

-- A message without what differs from case to case: the name of the file, addresses, quoted names, ids, numbers.
create function failure_pattern(message text, file_name text) returns text language sql immutable parallel safe as $$
  with without_name as (
    select case when length(file_name) > 2 then replace(left(message, 2000), file_name, '<file>') else left(message, 2000) end as text
  ), without_names as (
    select regexp_replace(regexp_replace(regexp_replace(text,
      '[a-z][a-z0-9+.-]*://[^[:space:]"<>]+', '<address>', 'gi'),
      '"[^"]*"|“[^”]*”|«[^»]*»|\\x60[^\\x60]*\\x60', '<name>', 'g'),
      '(^|[^[:alnum:]])''[^'']*''(?![[:alnum:]])', '\\1<name>', 'g') as text from without_name
  ), without_ids as (
    select regexp_replace(regexp_replace(text,
      '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', '<id>', 'gi'),
      '\\m(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\\M', '<id>', 'gi') as text from without_names
  )
  select left(btrim(regexp_replace(regexp_replace(text, '[0-9]+([.,:][0-9]+)*', '<n>', 'g'), '[[:space:]]+', ' ', 'g')), 300)
    from without_ids
$$;

create function note_failure(its_id uuid, its_root uuid, its_organisation uuid, its_task text, its_error jsonb, its_file uuid, ended timestamptz)
returns void language sql volatile as $$
  insert into failures (run_id, root_id, organisation_id, deployment_id, at, cause, task, code, message)
  select its_id, its_root, its_organisation, e.deployment_id, ended,
         left(md5(concat_ws(chr(10), its_task, w.code, w.pattern)), 16), its_task, w.code, w.pattern
    from (select coalesce(its_error ->> 'code', 'unknown') as code,
                 failure_pattern(coalesce(its_error ->> 'message', ''), (select f.name from files f where f.id = its_file)) as pattern) w
    left join executions e on e.id = its_root
  on conflict do nothing
$$;

create function remember_failure() returns trigger language plpgsql as $$
begin
  perform note_failure(new.id, new.root_id, new.organisation_id, new.task, new.error, new.file_id, coalesce(new.finished_at, now()));
  return null;
end
$$;
create trigger remember_failure after update of state on runs
  for each row when (new.state = 'failed' and old.state in ('queued', 'running')) execute function remember_failure();

do $$
begin
  perform note_failure(r.id, r.root_id, r.organisation_id, r.task, r.error, r.file_id, r.finished_at)
     from runs r
     left join ended_executions x on x.id = r.root_id
    where r.state = 'failed' and r.continuation is null and x.results_removed_at is null;
end
$$;

alter table executions add column replay_of uuid references executions (id) on delete set null;
create index executions_replay_of on executions (replay_of) where replay_of is not null;

create table replays (
  id uuid primary key,
  organisation_id uuid not null references organisations (id),
  state text not null default 'running' check (state in ('running', 'done', 'cancelled')),
  request jsonb not null,
  per_minute int not null check (per_minute >= 1),
  total int not null,
  requested_at timestamptz not null default now(),
  finished_at timestamptz,
  next_at timestamptz not null default now(),
  held_by uuid,
  held_until timestamptz
) with (fillfactor = 50);
create unique index replays_running on replays (organisation_id) where state = 'running';
create index replays_organisation on replays (organisation_id, id desc);

create table replay_items (
  replay_id uuid not null references replays (id) on delete cascade,
  place int not null,
  execution_id uuid not null,
  state text not null default 'waiting' check (state in ('waiting', 'made', 'refused')),
  made_id uuid references executions (id) on delete set null,
  error text,
  primary key (replay_id, place)
) with (fillfactor = 50);
create index replay_items_execution on replay_items (execution_id);
create index replay_items_made on replay_items (made_id) where made_id is not null;
create index replay_items_waiting on replay_items (replay_id, place) where state = 'waiting';

alter table live_executions add column deadline timestamptz;
create index live_executions_deadline on live_executions (deadline) where deadline is not null;

-- Accepting, with what not every execution has: one that it repeats, a deadline.
create function accept_new_execution(request jsonb, out total int, out own int, out dispatched jsonb, out existing jsonb)
language plpgsql as $$
declare
  p record;
begin
  select * into p from jsonb_to_record(request) as r (id uuid, replay_of uuid, replay_id uuid, replay_place int, max_seconds int);
  if p.replay_id is not null then
    -- First of all, as accept_request takes it too: others may hold it and want the item.
    perform pg_advisory_xact_lock(7061983);
    perform 1 from replays j where j.id = p.replay_id and j.state = 'running' for share;
    if found then
      perform 1 from replay_items i where i.replay_id = p.replay_id and i.place = p.replay_place and i.state = 'waiting' for update;
    end if;
    if not found then
      raise exception 'the replay does not want this execution any more' using errcode = '23R01';
    end if;
  end if;
  select a.total, a.own, a.dispatched, a.existing into total, own, dispatched, existing from accept_request(request) a;
  if dispatched is null then
    return;
  end if;
  if p.replay_of is not null then
    update executions e set replay_of = p.replay_of where e.id = p.id;
  end if;
  if p.replay_id is not null then
    update replay_items i set state = 'made', made_id = p.id where i.replay_id = p.replay_id and i.place = p.replay_place;
  end if;
  if p.max_seconds is not null then
    update live_executions l set deadline = now() + p.max_seconds * interval '1 s' where l.id = p.id;
  end if;
end
$$;
`;
