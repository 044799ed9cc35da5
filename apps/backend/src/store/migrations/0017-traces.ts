/** Of requests that are traced: which trace their runs belong to. Without tracing it stays empty, and nobody looks. */
export const traces = `
create table run_traces (
  run_id uuid primary key,
  organisation_id uuid not null,
  traceparent text not null,
  created_at timestamptz not null default now()
);
create index run_traces_created on run_traces using brin (created_at);
`;
