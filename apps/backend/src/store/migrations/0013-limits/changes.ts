/** New limits of a task hold for all that waits and count all that runs. */
export const limitChanges = `
create function limits_changed() returns trigger language plpgsql as $$
declare
  before jsonb;
  left_id uuid;
begin
  -- Nobody writes dispatches meanwhile: what was written without the new limits is seen here. Before all other locks: publications
  -- hold this table while they wait for their turn.
  lock table dispatches in share row exclusive mode;
  if tg_op = 'UPDATE' then
    before := old.limits;
  end if;
  if (before is null) <> (new.limits is null) then
    perform watch_limited_tasks();
  end if;
  if new.limits is null then
    delete from limit_permits p using dispatches d
     where d.task = new.name and d.limit_keys is not null and p.key = any(d.limit_keys) and p.dispatch_id = d.id;
    update dispatches set limit_keys = null, waits_for = null,
           ready = ready or waits_for is not null, due = case when waits_for is not null then now() else due end
     where task = new.name and limit_keys is not null;
  elsif jsonb_path_query_array(new.limits, '$[*].per') is distinct from jsonb_path_query_array(coalesce(before, '[]'), '$[*].per') then
    for left_id in select id from dispatches where task = new.name and (pool is not null or cardinality(run_ids) > 1) order by id loop
      perform limit_dispatch(left_id, new.limits);
    end loop;
    -- All others at once; of these most wait.
    update dispatches d
       set limit_keys = k.keys, waits_for = case when d.ready or d.waits_for is not null then k.keys[cardinality(k.keys)] end,
           due = case when d.ready then 'infinity' else d.due end, ready = false
      from (select w.id, limit_keys_of(w.task, new.limits, w.organisation_id, (select input from runs where id = w.run_ids[1])) as keys
              from dispatches w where w.task = new.name and w.pool is null and cardinality(w.run_ids) = 1) k
     where d.id = k.id;
  end if;
  delete from limit_wakes where task = new.name;
  insert into limit_wakes (task, key, place, queue, at)
  select distinct new.name, d.waits_for, array_position(d.limit_keys, d.waits_for), '', now()
    from dispatches d where d.task = new.name and d.waits_for is not null;
  return null;
end
$$;
create trigger tasks_limits_changed after update on tasks for each row
  when (old.limits is distinct from new.limits) execute function limits_changed();
create trigger tasks_limits_set after insert on tasks for each row
  when (new.limits is not null) execute function limits_changed();
`;
