/**
 * Cancelled runs that a worker still has in its hands. A row lives for as long as the run takes a slot: its session hears of
 * it with each heartbeat, and its dispatch counts it. The table is empty but for seconds, so `runs` needs no index for it.
 */
export const cancel = `
create table cancellations (
  run_id uuid primary key,
  epoch int not null,
  session_id uuid not null,
  dispatch_id uuid not null,
  cancelled_at timestamptz not null default now()
) with (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);
create index cancellations_session on cancellations (session_id);
`;
