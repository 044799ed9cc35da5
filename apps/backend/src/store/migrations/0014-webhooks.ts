/**
 * Webhooks: word to others about what ended.
 *
 * An event is written by the trigger that notes how executions and tasks ended, so with their end, in its transaction, once. It
 * holds ids alone and has no reference that could fail or wait: nothing here may hold up an end. What it tells is read when the window
 * of its endpoint closes; then it belongs to a delivery. The id of a delivery is its `webhook-id`, the same for all its tries, which
 * are those of its run. How that run ends is written by the same trigger: delivered, or dead, and the endpoint disabled when it
 * answered that it is gone. Whoever removes deliveries removes their events. An endpoint may have millions of them: when it goes they follow bit
 * by bit, so there is no reference that would take them along at once.
 *
 * `url`, `secret` and `earlier_secret` are sealed.
 */
export const webhooks = `
create table webhooks (
  id uuid primary key,
  organisation_id uuid not null references organisations (id),
  name text not null,
  description text not null,
  url text not null,
  events text[] not null,
  deployment_ids uuid[],
  form text not null check (form in ('standard', 'slack')),
  window_ms int not null check (window_ms > 0),
  enabled boolean not null,
  disabled_reason text,
  secret text not null,
  earlier_secret text,
  earlier_until timestamptz,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  check ((earlier_secret is null) = (earlier_until is null)),
  unique (organisation_id, name)
) with (fillfactor = 80);

create table webhook_events (
  id bigint generated always as identity primary key,
  webhook_id uuid not null,
  organisation_id uuid not null,
  execution_id uuid,
  type text not null,
  occurred_at timestamptz not null default now(),
  delivery_id uuid,
  data jsonb
) with (fillfactor = 50);
create index webhook_events_gathered on webhook_events (webhook_id, id) where delivery_id is null;
create index webhook_events_delivery on webhook_events (delivery_id, id) where delivery_id is not null;
create index webhook_events_execution on webhook_events (execution_id) where execution_id is not null;
create index webhook_events_organisation on webhook_events (organisation_id);
create index webhook_events_age on webhook_events (occurred_at);

create table webhook_deliveries (
  id uuid primary key,
  webhook_id uuid not null,
  organisation_id uuid not null,
  run_id uuid not null,
  state text not null default 'pending' check (state in ('pending', 'delivered', 'dead')),
  test boolean not null,
  events int not null,
  tries int not null default 0,
  replays int not null default 0,
  last_error text,
  created_at timestamptz not null default now(),
  ended_at timestamptz
) with (fillfactor = 80);
create index webhook_deliveries_of_webhook on webhook_deliveries (webhook_id, id);
create index webhook_deliveries_dead on webhook_deliveries (webhook_id, id) where state = 'dead';
create index webhook_deliveries_run on webhook_deliveries (run_id);
create index webhook_deliveries_organisation on webhook_deliveries (organisation_id);
create index webhook_deliveries_age on webhook_deliveries (ended_at) where state <> 'pending';

alter table live_executions drop constraint live_executions_kind_check,
  add constraint live_executions_kind_check check (kind in ('execution', 'task', 'webhook'));
-- Each row fits already, and looking through a history of years would hold up everybody meanwhile.
alter table ended_executions drop constraint ended_executions_kind_check,
  add constraint ended_executions_kind_check check (kind in ('execution', 'task', 'webhook')) not valid;

create function forget_told_events() returns trigger language plpgsql as $$
begin
  delete from webhook_events where delivery_id = any(array(select id from gone));
  return null;
end
$$;
create trigger webhook_deliveries_gone after delete on webhook_deliveries referencing old table as gone
  for each statement execute function forget_told_events();

create or replace function note_endings() returns trigger language plpgsql as $$
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
  -- Where nobody wants to be told, these looks are all that it costs.
  if exists (select from webhooks where enabled) and exists (
       select from webhooks w
        where w.enabled and w.organisation_id = any(array(select organisation_id from gone where kind <> 'webhook'))) then
    insert into webhook_events (webhook_id, organisation_id, execution_id, type)
    select w.id, g.organisation_id, g.id, t.type
      from gone g
      join ended_executions n on n.id = g.id and n.ending is not null
     cross join lateral (
       select case g.kind
         when 'execution' then 'execution.' || case n.ending when 'succeeded' then 'completed' when 'failed' then 'failed' else 'stopped' end
         else 'task.' || case n.ending when 'succeeded' then 'finished' else n.ending end end as type) t
      join webhooks w on w.organisation_id = g.organisation_id and w.enabled and t.type = any(w.events)
     where g.kind <> 'webhook'
       and (g.kind <> 'execution' or w.deployment_ids is null
            or (select e.deployment_id from executions e where e.id = g.id) = any(w.deployment_ids))
     order by g.id;
  end if;
  if exists (select from gone where kind = 'webhook') then
    update webhook_deliveries d
       set state = case when r.state = 'succeeded' then 'delivered' else 'dead' end, ended_at = now(),
           tries = d.tries + r.attempts + case when r.state = 'succeeded' then 1 else 0 end,
           last_error = coalesce(r.error ->> 'message', d.last_error)
      from gone g join runs r on r.id = g.id
     where g.kind = 'webhook' and d.run_id = g.id;
    update webhooks set enabled = false, disabled_reason = 'Its endpoint answered 410: it is gone'
     where enabled and id = any(array(
       select d.webhook_id from gone g join webhook_deliveries d on d.run_id = g.id join runs r on r.id = g.id
        where g.kind = 'webhook' and r.error ->> 'code' = 'webhook_gone' order by 1));
  end if;
  return null;
end
$$;
`;
