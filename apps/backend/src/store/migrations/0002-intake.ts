/**
 * Idempotency keys, and earlier results of the same content.
 *
 * `accept_request` wraps `accept_execution`. Under its lock the second of two requests with one key finds the row of
 * the first. A key row stands only with its execution.
 */
export const intake = `
create table idempotency_keys (
  deployment_id uuid not null,
  key text not null,
  fingerprint text not null,
  execution_id uuid not null,
  created_at timestamptz not null default now(),
  primary key (deployment_id, key)
);
create index idempotency_keys_age on idempotency_keys (created_at);

create index files_content on files (organisation_id, sha256, id desc);

create function accept_request(request jsonb, out total int, out own int, out dispatched jsonb, out existing jsonb)
language plpgsql as $$
declare
  k record;
begin
  -- First of all, as accept_execution takes it too: requests that are accepted together may bring each other's keys.
  perform pg_advisory_xact_lock(7061983);
  select * into k from jsonb_to_record(coalesce(nullif(request -> 'once', 'null'), '{}')) as r (key text, fingerprint text, valid_hours int);
  if k.key is not null then
    insert into idempotency_keys as i (deployment_id, key, fingerprint, execution_id)
    values ((request ->> 'deployment_id')::uuid, k.key, k.fingerprint, (request ->> 'id')::uuid)
    on conflict (deployment_id, key) do update
      set fingerprint = excluded.fingerprint, execution_id = excluded.execution_id, created_at = excluded.created_at
      where i.created_at < now() - k.valid_hours * interval '1 hour';
    if not found then
      select jsonb_build_object('execution_id', i.execution_id, 'fingerprint', i.fingerprint) into existing
        from idempotency_keys i where i.deployment_id = (request ->> 'deployment_id')::uuid and i.key = k.key;
      return;
    end if;
  end if;
  select a.total, a.own, a.dispatched into total, own, dispatched from accept_execution(request) a;
  if dispatched is null then
    delete from idempotency_keys i where i.deployment_id = (request ->> 'deployment_id')::uuid and i.key = k.key;
    return;
  end if;
  -- Children that have ended before their parent is planned: without a place among the siblings, who are counted.
  insert into runs (id, organisation_id, root_id, parent_id, key, task, queue, input, file_id, max_attempts,
                    soft_limit_ms, hard_limit_ms, state, started_at, finished_at, output)
  select r.id, (request ->> 'organisation_id')::uuid, (request ->> 'id')::uuid, (request ->> 'id')::uuid, r.key, r.task,
         r.queue, r.input, r.file_id, r.max_attempts, r.soft_limit_ms, r.hard_limit_ms, 'succeeded', now(), now(), r.output
    from jsonb_to_recordset(coalesce(request -> 'reused', '[]')) as r (
      id uuid, key text, task text, queue text, input jsonb, file_id uuid, max_attempts int, soft_limit_ms bigint,
      hard_limit_ms bigint, output jsonb);
end
$$;
`;
