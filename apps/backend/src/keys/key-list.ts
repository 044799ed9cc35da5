import type { KeyView, ListKeysQuery } from '@longshore/contracts';
import { z } from 'zod';
import { decodeCursor, pageOf } from '../native/paging.ts';
import type { Database, SqlClient } from '../store/database.ts';

/** Whose keys somebody may see and change: all of them, or the deployment keys of one organisation. */
export type KeyScope = { readonly organisationId: string } | 'all';

interface KeyRow extends Omit<KeyView, 'created_at' | 'expires_at' | 'last_used_at' | 'revoked_at'> {
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly last_used_at: Date | null;
  readonly revoked_at: Date | null;
}

/** Keys that were made before hints were kept show their kind alone. */
const keyRows = `
select k.id, k.kind, k.name, coalesce(k.hint, 'lsk_' || substr(k.kind, 1, 3) || '_…') as hint,
       case when k.revoked_at is not null then 'revoked'
            when k.expires_at <= now() then 'expired'
            when k.successor_id is not null then 'rotated'
            else 'active' end as state,
       o.name as organisation, d.api_name, k.workers, k.queues, k.created_at, k.expires_at, k.last_used_at, k.revoked_at,
       k.successor_id
  from api_keys k
  left join organisations o on o.id = k.organisation_id
  left join deployments d on d.id = k.deployment_id
 where ($1::uuid is null or (k.organisation_id = $1 and k.kind = 'deployment'))`;

const oneKey = `${keyRows} and k.id = $2`;
const pageOfKeys = `
select * from (${keyRows}) k
 where ($2::text is null or k.kind = $2) and ($3::text is null or k.state = $3) and ($4::text is null or k.organisation = $4)
   and ($5::uuid is null or k.id < $5)
 order by k.id desc limit $6`;

const cursorKey = z.tuple([z.uuid()]);

/** One page of the keys in the scope, newest first. */
export async function listKeys(
  database: Database,
  scope: KeyScope,
  query: ListKeysQuery,
): Promise<{ keys: KeyView[]; next_cursor: string | null }> {
  const before = decodeCursor(query.cursor, cursorKey)?.[0] ?? null;
  const rows = await database.query<KeyRow & Record<string, unknown>>(pageOfKeys, [
    organisationOf(scope),
    query.kind ?? null,
    query.state ?? null,
    query.organisation ?? null,
    before,
    query.limit + 1,
  ]);
  const { items, next_cursor } = pageOf(rows, query.limit, (row) => [row.id]);
  return { keys: items.map(viewOf), next_cursor };
}

/** The key, or null where there is none of this id in the scope. */
export async function findKey(database: Database, scope: KeyScope, id: string): Promise<KeyView | null> {
  const [row] = await database.query<KeyRow & Record<string, unknown>>(oneKey, [organisationOf(scope), id]);
  return row === undefined ? null : viewOf(row);
}

/** The same within a transaction. */
export async function readKey(client: SqlClient, scope: KeyScope, id: string): Promise<KeyView | null> {
  const { rows } = await client.query<KeyRow>(oneKey, [organisationOf(scope), id]);
  return rows[0] === undefined ? null : viewOf(rows[0]);
}

function organisationOf(scope: KeyScope): string | null {
  return scope === 'all' ? null : scope.organisationId;
}

function viewOf(row: KeyRow): KeyView {
  return {
    ...row,
    created_at: row.created_at.toISOString(),
    expires_at: row.expires_at?.toISOString() ?? null,
    last_used_at: row.last_used_at?.toISOString() ?? null,
    revoked_at: row.revoked_at?.toISOString() ?? null,
  };
}
