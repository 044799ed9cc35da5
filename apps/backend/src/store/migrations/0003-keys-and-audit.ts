/**
 * What people need to know of a key (last use, how to recognise it, its successor), the audit log, and word to all
 * backends when a key changes. The trigger sees every way of changing a key, also that of somebody with `psql`; it
 * is told at commit. That a key was used is no change.
 */
export const keysAndAudit = `
alter table api_keys
  add column hint text,
  add column last_used_at timestamptz,
  add column successor_id uuid references api_keys (id) on delete set null;
create index api_keys_successor on api_keys (successor_id) where successor_id is not null;
create index api_keys_organisation on api_keys (organisation_id, id) where organisation_id is not null;

create function announce_key_change() returns trigger language plpgsql as $$
begin
  perform pg_notify('longshore_keys', 'changed');
  return null;
end
$$;
create trigger api_keys_changed
  after update of kind, hash, organisation_id, deployment_id, workers, queues, expires_at, revoked_at or delete or truncate
  on api_keys for each statement execute function announce_key_change();

create table audit_events (
  id uuid primary key,
  at timestamptz not null default now(),
  last_at timestamptz not null default now(),
  count bigint not null default 1,
  actor_kind text not null,
  key_id uuid,
  key_name text,
  address text,
  request_id uuid,
  action text not null,
  outcome text not null check (outcome in ('success', 'failed', 'refused')),
  organisation_id uuid,
  target text,
  detail jsonb
);
create index audit_events_at on audit_events (at);
create index audit_events_organisation on audit_events (organisation_id, id) where organisation_id is not null;
`;
