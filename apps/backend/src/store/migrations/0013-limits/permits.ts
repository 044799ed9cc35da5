/** Keys, and permits that come and go with their dispatches. */
export const limitPermits = `
-- The keys of a run, one for each limit. What a key is taken from counts within its organisation; all runs without it share a key.
create function limit_keys_of(task_name text, its_limits jsonb, organisation uuid, input jsonb) returns uuid[]
language sql stable as $$
  select array_agg(md5(jsonb_build_array(
                     task_name, l ->> 'per',
                     case when l ->> 'per' <> 'task' then organisation end,
                     case when jsonb_typeof(l -> 'path') = 'array'
                          then input #> array(select jsonb_array_elements_text(l -> 'path')) end)::text)::uuid
                   order by place)
    from jsonb_array_elements(its_limits) with ordinality as e (l, place)
$$;

create function wake_limits(task_name text, keys uuid[]) returns void language sql as $$
  insert into limit_wakes (task, key, place, queue, at)
  select task_name, key, place, '', clock_timestamp() from unnest(keys) with ordinality as k (key, place) where key is not null
$$;

-- Parks a dispatch under its finest key: what that holds back is in nobody's way.
create function park_dispatch(of_id uuid, task_name text, its_queue text, keys uuid[]) returns void language plpgsql as $$
begin
  update dispatches
     set pool = null, ready = false, due = 'infinity', limit_keys = keys, waits_for = keys[cardinality(keys)]
   where id = of_id;
  insert into limit_wakes (task, key, place, queue, at)
  values (task_name, keys[cardinality(keys)], cardinality(keys), its_queue, clock_timestamp());
end
$$;

-- Puts a dispatch that nobody holds under the limits of its task; one that is held counts from now on.
create function limit_dispatch(of_id uuid, its_limits jsonb) returns void language plpgsql as $$
declare
  d dispatches;
  keys uuid[];
  going uuid[];
begin
  select * into d from dispatches where id = of_id for update;
  if not found then
    return;
  end if;
  if d.limit_keys is not null then
    delete from limit_permits where key = any(d.limit_keys) and dispatch_id = d.id;
  end if;
  going := array(select u.id from unnest(d.run_ids) with ordinality as u (id, place)
                  where exists (select 1 from runs r where r.id = u.id and r.state not in ('succeeded', 'failed', 'cancelled'))
                  order by u.place);
  keys := limit_keys_of(d.task, its_limits, d.organisation_id,
                        (select input from runs where id = coalesce(going[1], d.run_ids[1])));
  if d.session_id is not null then
    update dispatches set limit_keys = keys where id = d.id;
    insert into limit_permits (key, dispatch_id, claimed) select distinct k, d.id, true from unnest(keys) as k;
    return;
  end if;
  if cardinality(going) > 1 then
    -- Written by a backend that did not know of the limit yet: each run needs permits of its own.
    update dispatches set run_ids = going[1:1], remaining = 1 where id = d.id;
    insert into dispatches (id, organisation_id, task, queue, priority, run_ids, remaining, ready, due, created_at)
    select uuid_v7(), d.organisation_id, d.task, d.queue, d.priority, array[u.id], 1,
           d.ready or d.waits_for is not null, case when d.ready or d.waits_for is not null then now() else d.due end, d.created_at
      from unnest(going[2:]) with ordinality as u (id, place) order by u.place;
  end if;
  if d.pool is null and not d.ready and d.waits_for is null then
    update dispatches set limit_keys = keys where id = d.id;
  else
    perform park_dispatch(d.id, d.task, d.queue, keys);
  end if;
end
$$;

create function dispatch_was_written() returns trigger language plpgsql as $$
declare
  keys uuid[];
begin
  if new.pool is not null or cardinality(new.run_ids) > 1 then
    perform limit_dispatch(new.id, limits) from tasks where name = new.task and limits is not null;
    return null;
  end if;
  -- The usual case in few steps: a fan-out writes thousands.
  select limit_keys_of(t.name, t.limits, new.organisation_id, (select r.input from runs r where r.id = new.run_ids[1])) into keys
    from tasks t where t.name = new.task and t.limits is not null;
  if not found then
    return null;
  end if;
  if new.ready then
    perform park_dispatch(new.id, new.task, new.queue, keys);
  else
    update dispatches set limit_keys = keys where id = new.id;
  end if;
  return null;
end
$$;

-- The condition of this trigger names the tasks, so that a dispatch of any other costs a comparison and no look.
create function watch_limited_tasks() returns void language plpgsql as $$
begin
  execute format('create or replace trigger dispatches_limited_written after insert on dispatches for each row
                    when (new.task = any (%L::text[])) execute function dispatch_was_written()',
                 array(select name from tasks where limits is not null order by name));
end
$$;
select watch_limited_tasks();

-- Runs that were added to a dispatch that is under limits.
create function dispatch_grew() returns trigger language plpgsql as $$
begin
  perform limit_dispatch(new.id, limits) from tasks where name = new.task and limits is not null;
  return null;
end
$$;
create trigger dispatches_limited_grown after update of run_ids on dispatches for each row
  when (new.limit_keys is not null and cardinality(new.run_ids) > 1 and cardinality(new.run_ids) > cardinality(old.run_ids))
  execute function dispatch_grew();

create function limited_dispatch_moved() returns trigger language plpgsql as $$
begin
  if old.pool is null and new.pool is not null then
    insert into limit_permits (key, dispatch_id) select distinct k, new.id from unnest(new.limit_keys) as k;
  elsif new.pool is null then
    -- Taken back, or its time has come. Others may have what it held.
    delete from limit_permits where key = any(new.limit_keys) and dispatch_id = new.id;
    perform wake_limits(new.task, new.limit_keys);
    perform park_dispatch(new.id, new.task, new.queue, new.limit_keys);
  elsif old.session_id is null and new.session_id is not null then
    update limit_permits set claimed = true where key = any(new.limit_keys) and dispatch_id = new.id;
    insert into limit_starts (key, at, until)
    select new.limit_keys[place], clock_timestamp(),
           clock_timestamp() + (select max((r ->> 'per_ms')::float8) from jsonb_array_elements(l -> 'rates') as r) * interval '1 ms'
      from tasks cross join lateral jsonb_array_elements(limits) with ordinality as e (l, place)
     where name = new.task and limits is not null and jsonb_array_length(l -> 'rates') > 0
       and new.limit_keys[place] is not null;
  end if;
  return null;
end
$$;
create trigger dispatches_limited_moved after update on dispatches for each row
  when (new.limit_keys is not null and (old.pool is distinct from new.pool or old.session_id is distinct from new.session_id
                                        or new.ready and not old.ready and new.pool is null))
  execute function limited_dispatch_moved();

create function limited_dispatch_gone() returns trigger language plpgsql as $$
begin
  delete from limit_permits where key = any(old.limit_keys) and dispatch_id = old.id;
  perform wake_limits(old.task, old.limit_keys);
  return null;
end
$$;
create trigger dispatches_limited_gone after delete on dispatches for each row
  when (old.limit_keys is not null) execute function limited_dispatch_gone();
`;
