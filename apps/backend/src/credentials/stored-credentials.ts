import {
  apiError,
  type Credential,
  type CredentialType,
  type ListCredentialsQuery,
  type OpenedCredential,
} from '@longshore/contracts';
import { uuidV7 } from '@longshore/runtime';
import { z } from 'zod';
import { decodeCursor, pageOf } from '../native/paging.ts';
import { contextOf, credentialValues } from '../sealing/sealed-columns.ts';
import type { Sealing } from '../sealing/sealing.ts';
import { sqlStateOf, type Database, type SqlClient } from '../store/database.ts';

/** Pipelines of `c` that name it: a key `credential` of their source or destination. */
const NAMED_BY = `array(
  select d.api_name from deployments d
   where d.organisation_id = c.organisation_id and d.kind = 'pipeline'
     and jsonb_path_exists(jsonb_build_array(d.source, d.destination), '$[*].*.credential ? (@ == $name)',
                           jsonb_build_object('name', c.name))
   order by d.api_name)`;

const STORED = `select c.id, o.name as organisation, c.name, c.type, c.description, c.keys, c.created_at, c.changed_at, c.last_used_at,
  ${NAMED_BY} as pipelines
  from credentials c join organisations o on o.id = c.organisation_id`;

interface StoredCredential extends Record<string, unknown> {
  readonly id: string;
  readonly organisation: string;
  readonly name: string;
  readonly type: CredentialType;
  readonly description: string | null;
  readonly keys: string[];
  readonly pipelines: string[];
  readonly created_at: Date;
  readonly changed_at: Date;
  readonly last_used_at: Date | null;
}

/** @throws ApiError 404 */
export async function readCredential(
  client: Pick<Database, 'query'>,
  organisationId: string,
  name: string,
): Promise<Credential> {
  const [row] = await client.query<StoredCredential>(
    `${STORED} where c.organisation_id = $1 and c.name = $2`,
    [organisationId, name],
  );
  if (row === undefined) throw unknownCredential(name);
  return viewOf(row);
}

const cursorKey = z.tuple([z.string(), z.uuid()]);

export async function listCredentials(
  database: Database,
  organisationIds: readonly string[],
  { limit, cursor }: ListCredentialsQuery,
): Promise<{ credentials: Credential[]; next_cursor: string | null }> {
  const [afterName, afterId] = decodeCursor(cursor, cursorKey) ?? [null, null];
  const rows = await database.query<StoredCredential>(
    `${STORED} where c.organisation_id = any($1::uuid[]) and ($2::text is null or (c.name, c.id) > ($2, $3::uuid))
      order by c.name, c.id limit $4`,
    [organisationIds, afterName, afterId, limit + 1],
  );
  const { items, next_cursor } = pageOf(rows, limit, (row) => [row.name, row.id]);
  return { credentials: items.map(viewOf), next_cursor };
}

function viewOf({ id, created_at, changed_at, last_used_at, ...shown }: StoredCredential): Credential {
  return {
    credential_id: id,
    ...shown,
    created_at: created_at.toISOString(),
    changed_at: changed_at.toISOString(),
    last_used_at: last_used_at?.toISOString() ?? null,
  };
}

export function unknownCredential(name: string) {
  return apiError('not_found', `There is no credential "${name}"`);
}

/** The pipelines that name a credential, by their names. */
export async function pipelinesNaming(client: SqlClient, id: string): Promise<string[]> {
  const { rows } = await client.query<{ pipelines: string[] }>(
    `select ${NAMED_BY} as pipelines from credentials c where c.id = $1`,
    [id],
  );
  return rows[0]?.pipelines ?? [];
}

/** A credential with what is needed to change it. */
export interface HeldCredential {
  readonly id: string;
  readonly name: string;
  readonly type: CredentialType;
  readonly description: string | null;
  readonly sealed: string;
}

/** The credentials of an organisation, which nobody else changes until the transaction ends. */
export async function holdCredentials(client: SqlClient, organisationId: string): Promise<HeldCredential[]> {
  const { rows } = await client.query<HeldCredential>(
    `select id, name, type, description, sealed_values as sealed from credentials
      where organisation_id = $1 order by name for update`,
    [organisationId],
  );
  return rows;
}

export interface CredentialForm {
  readonly type: CredentialType;
  readonly description: string | null;
  readonly values: Readonly<Record<string, string>>;
}

/** @throws ApiError 409 when there is one of that name; SealingError when it cannot be sealed. */
export async function insertCredential(
  client: SqlClient,
  sealing: Sealing,
  {
    organisationId,
    name,
    type,
    description,
    values,
  }: CredentialForm & { organisationId: string; name: string },
): Promise<void> {
  const id = uuidV7();
  try {
    await client.query(
      `insert into credentials (id, organisation_id, name, type, description, keys, sealed_values)
       values ($1, $2, $3, $4, $5, $6, $7)`,
      [id, organisationId, name, type, description, Object.keys(values), sealed(sealing, id, values)],
    );
  } catch (error) {
    if (sqlStateOf(error) !== '23505') throw error;
    throw apiError('conflict', `There is a credential "${name}" already`, 'name');
  }
}

/** Gives a held credential another form; without values it keeps those that it has. */
export async function updateCredential(
  client: SqlClient,
  sealing: Sealing,
  {
    id,
    type,
    description,
    values,
  }: Omit<CredentialForm, 'values'> & {
    id: string;
    values: CredentialForm['values'] | null;
  },
): Promise<void> {
  await client.query(
    `update credentials set (type, description, keys, sealed_values, changed_at) =
            ($2, $3, coalesce($4, keys), coalesce($5, sealed_values), now()) where id = $1`,
    [
      ...[id, type, description],
      ...(values === null ? [null, null] : [Object.keys(values), sealed(sealing, id, values)]),
    ],
  );
}

function sealed(sealing: Sealing, id: string, values: CredentialForm['values']): string {
  return sealing.seal(JSON.stringify(values), contextOf(credentialValues, id));
}

/** The values of a credential. @throws SealingError when they cannot be opened here */
export function openedValues(
  sealing: Sealing,
  { id, sealed: text }: Pick<HeldCredential, 'id' | 'sealed'>,
): OpenedCredential['values'] {
  return JSON.parse(sealing.open(text, contextOf(credentialValues, id))) as OpenedCredential['values'];
}
