/** What limits are kept in. */
export const limitTables = `
alter table tasks add column limits jsonb;
alter table dispatches add column limit_keys uuid[], add column waits_for uuid;
create index dispatches_parked on dispatches (task, waits_for, queue, (-priority), id) where waits_for is not null;

create table limit_permits (
  key uuid not null,
  dispatch_id uuid not null,
  claimed boolean not null default false,
  primary key (key, dispatch_id)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);

create table limit_starts (
  key uuid not null,
  at timestamptz not null,
  until timestamptz not null
) with (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);
create index limit_starts_of_key on limit_starts (key, at);
create index limit_starts_over on limit_starts (until);

create table limit_wakes (
  id bigint generated always as identity primary key,
  task text not null,
  key uuid not null,
  place int not null,
  queue text not null,
  at timestamptz not null
) with (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);
create index limit_wakes_due on limit_wakes (task, queue, at);
create index limit_wakes_of_key on limit_wakes (task, key, at);
`;
