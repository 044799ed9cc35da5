import { apiError, routes, type AuditEvent, type AuditQuery } from '@longshore/contracts';
import { z } from 'zod';
import type { Caller } from '../http/auth.ts';
import { handle, type MountedRoute } from '../http/server.ts';
import { decodeCursor, pageOf } from '../native/paging.ts';
import type { Database } from '../store/database.ts';

/**
 * The audit log: an admin reads all of it, an organisation what was done to it and by its keys. Of keys that are not
 * its own it sees the kind alone: who else is a customer, and where administrators sit, is none of its business.
 */
export function auditRoutes({ database }: { database: Database }): MountedRoute[] {
  return [
    handle(routes.auditLog, ({ query, caller }) => listAuditEvents(database, organisationOf(caller), query)),
  ];
}

/** Null: all organisations. */
function organisationOf(caller: Caller): string | null {
  if (caller.kind === 'key' && caller.key.kind === 'admin') return null;
  const organisationId = caller.kind === 'key' ? caller.key.organisationId : null;
  if (organisationId === null) throw apiError('permission_denied', 'This key reads no audit log');
  return organisationId;
}

interface AuditRow {
  readonly id: string;
  readonly at: Date;
  readonly last_at: Date;
  readonly count: number;
  readonly actor_kind: AuditEvent['actor']['kind'];
  readonly key_id: string | null;
  readonly key_name: string | null;
  readonly address: string | null;
  readonly request_id: string | null;
  readonly action: string;
  readonly outcome: AuditEvent['outcome'];
  readonly organisation: string | null;
  readonly target: string | null;
  readonly detail: AuditEvent['detail'];
}

const pageOfEvents = `
select e.id, e.at, e.last_at, e.count::float8 as count, e.actor_kind, case when s.own then e.key_id end as key_id,
       case when s.own then e.key_name end as key_name,
       case when s.own or e.actor_kind <> 'admin' then e.address end as address,
       e.request_id, e.action, e.outcome, o.name as organisation, e.target, e.detail
  from audit_events e
  left join organisations o on o.id = e.organisation_id
  left join api_keys k on k.id = e.key_id
  cross join lateral (select $1::uuid is null or coalesce(k.organisation_id = $1, false) as own) s
 where ($1::uuid is null or e.organisation_id = $1)
   and ($2::timestamptz is null or e.last_at >= $2) and ($3::timestamptz is null or e.at < $3)
   and ($4::text is null or e.action = $4) and ($5::text is null or starts_with(e.action, $5))
   and ($6::text is null or (s.own and (e.key_id::text = $6 or e.key_name = $6)))
   and ($7::text is null or e.outcome = $7) and ($8::text is null or o.name = $8)
   and ($9::uuid is null or e.id < $9)
 order by e.id desc limit $10`;

const cursorKey = z.tuple([z.uuid()]);

async function listAuditEvents(database: Database, organisationId: string | null, query: AuditQuery) {
  const { action = null } = query;
  const family = action?.endsWith('*') ? action.slice(0, -1) : null;
  const rows = await database.query<AuditRow & Record<string, unknown>>(pageOfEvents, [
    organisationId,
    query.since ?? null,
    query.until ?? null,
    family === null ? action : null,
    family,
    query.actor ?? null,
    query.outcome ?? null,
    query.organisation ?? null,
    decodeCursor(query.cursor, cursorKey)?.[0] ?? null,
    query.limit + 1,
  ]);
  const { items, next_cursor } = pageOf(rows, query.limit, (row) => [row.id]);
  return { events: items.map(eventOf), next_cursor };
}

function eventOf(row: AuditRow): AuditEvent {
  const { at, last_at, actor_kind, key_id, key_name, ...same } = row;
  return {
    ...same,
    at: at.toISOString(),
    last_at: last_at.toISOString(),
    actor: { kind: actor_kind, key_id, key_name },
  };
}
