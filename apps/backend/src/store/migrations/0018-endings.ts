/**
 * The trigger on ends finds each row that it needs by its id, one by one. Planned while the tables were small, as joins, it went on to read all
 * of `runs` for each batch of ends until the planner heard of the new size: a drain took five times as long.
 */
export const endings = `
create or replace function note_endings() returns trigger language plpgsql as $$
begin
  insert into ended_executions (id, organisation_id, kind, ending)
  select g.id, g.organisation_id, g.kind,
         (select state from runs where id = g.id and state in ('succeeded', 'failed', 'cancelled'))
    from gone g
  on conflict do nothing;
  if exists (select from gone where kind = 'execution') then
    update executions e set ending = (select ending from ended_executions where id = e.id)
     where id = any(array(select id from gone where kind = 'execution'))
       and exists (select from ended_executions where id = e.id and ending is not null offset 0);
  end if;
  -- Where nobody wants to be told, these looks are all that it costs.
  if exists (select from webhooks where enabled) and exists (
       select from webhooks w
        where w.enabled and w.organisation_id = any(array(select organisation_id from gone where kind <> 'webhook'))) then
    insert into webhook_events (webhook_id, organisation_id, execution_id, type)
    select w.id, g.organisation_id, g.id, t.type
      from (select *, (select ending from ended_executions where id = gone.id) as ending from gone offset 0) g
     cross join lateral (
       select case g.kind
         when 'execution' then 'execution.' || case g.ending when 'succeeded' then 'completed' when 'failed' then 'failed' else 'stopped' end
         else 'task.' || case g.ending when 'succeeded' then 'finished' else g.ending end end as type) t
      join webhooks w on w.organisation_id = g.organisation_id and w.enabled and t.type = any(w.events)
     where g.kind <> 'webhook' and g.ending is not null
       and (g.kind <> 'execution' or w.deployment_ids is null
            or (select e.deployment_id from executions e where e.id = g.id) = any(w.deployment_ids))
     order by g.id;
  end if;
  if exists (select from gone where kind = 'webhook') then
    perform note_deliveries(array(select id from gone where kind = 'webhook'));
  end if;
  return null;
end
$$;

create function note_deliveries(run_ids uuid[]) returns void language plpgsql as $$
declare
  r record;
begin
  for r in
    select runs.id, runs.state, runs.attempts, runs.error
      from unnest(run_ids) as u (run_id)
      cross join lateral (select * from runs where id = u.run_id offset 0) runs
     order by runs.id
  loop
    update webhook_deliveries
       set state = case when r.state = 'succeeded' then 'delivered' else 'dead' end, ended_at = now(),
           tries = tries + r.attempts + case when r.state = 'succeeded' then 1 else 0 end,
           last_error = coalesce(r.error ->> 'message', last_error)
     where run_id = r.id;
  end loop;
  update webhooks set enabled = false, disabled_reason = 'Its endpoint answered 410: it is gone'
   where enabled and id = any(array(
     select d.webhook_id
       from unnest(run_ids) as u (run_id)
       cross join lateral (select error from runs where id = u.run_id offset 0) runs
       cross join lateral (select webhook_id from webhook_deliveries where run_id = u.run_id offset 0) d
      where runs.error ->> 'code' = 'webhook_gone' order by 1));
end
$$;
`;
