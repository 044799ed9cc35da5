import { apiError, type CreatedKey, type CreateKeyRequest, type KeyView } from '@longshore/contracts';
import type { Act } from '../audit/request-audit.ts';
import type { Database, SqlClient } from '../store/database.ts';
import { readKey, type KeyScope } from './key-list.ts';
import { insertKey } from './keys.ts';
import { newKeyOf } from './new-key.ts';

/** Makes a key. The secret is in the answer and nowhere else. @throws ApiError as {@link newKeyOf} does */
export function createKey(
  database: Database,
  scope: KeyScope,
  request: CreateKeyRequest,
  act: Act,
): Promise<CreatedKey> {
  return database.transaction(async (client) => {
    const key = await newKeyOf(client, scope, request);
    const { id, secret } = await insertKey(client, key);
    const view = await existing(client, scope, id);
    await act.record(client, wordsOf(view, key.organisationId ?? null));
    return { ...view, key: secret };
  });
}

/**
 * Gives a key a successor of the same kind, name and reach, that lives as long from now on as the key was given. The key
 * itself stays good for the overlap, or until its own end when that is sooner.
 * @throws ApiError 404 unknown or another's, 409 not active any more.
 */
export function rotateKey(
  database: Database,
  { scope, id, overlapSeconds }: { scope: KeyScope; id: string; overlapSeconds: number },
  act: Act,
): Promise<CreatedKey> {
  return database.transaction(async (client) => {
    const old = await locked(client, scope, id);
    const view = await existing(client, scope, id);
    if (view.state !== 'active') throw apiError('conflict', whyNotRotated(view));
    const made = await insertKey(client, { ...old, name: view.name, kind: view.kind });
    const { rows } = await client.query<{ expires_at: Date }>(
      `update api_keys
          set successor_id = $2, expires_at = least(expires_at, now() + $3::int * interval '1 second')
        where id = $1 returning expires_at`,
      [id, made.id, overlapSeconds],
    );
    const detail = { successor_id: made.id, old_until: rows[0]!.expires_at.toISOString() };
    await act.record(client, { ...wordsOf(view, old.organisationId), detail });
    return { ...(await existing(client, scope, made.id)), key: made.secret };
  });
}

/**
 * Ends a key for good; a second time changes nothing.
 * @throws ApiError 404 unknown or another's, 409 the last admin key.
 */
export function revokeKey(
  database: Database,
  { scope, id }: { scope: KeyScope; id: string },
  act: Act,
): Promise<KeyView> {
  return database.transaction(async (client) => {
    const view = await existing(client, scope, id);
    if (view.kind === 'admin') await refuseLastAdmin(client, view);
    const { rows } = await client.query<{ organisation_id: string | null }>(
      `update api_keys set revoked_at = coalesce(revoked_at, now()) where id = $1 returning organisation_id`,
      [id],
    );
    await act.record(client, wordsOf(view, rows[0]?.organisation_id ?? null));
    return await existing(client, scope, id);
  });
}

async function existing(client: SqlClient, scope: KeyScope, id: string): Promise<KeyView> {
  const view = await readKey(client, scope, id);
  if (view === null) throw noSuchKey();
  return view;
}

function noSuchKey() {
  return apiError('not_found', 'No such key');
}

interface Reach {
  readonly organisationId: string | null;
  readonly deploymentId: string | null;
  readonly workers: string[];
  readonly queues: string[];
  readonly expiresAt: Date | null;
}

/** What the successor of a key inherits. The lock lets one rotation or revocation come after the other. */
async function locked(client: SqlClient, scope: KeyScope, id: string): Promise<Reach> {
  const { rows } = await client.query<Reach & { kind: string }>(
    `select kind, organisation_id as "organisationId", deployment_id as "deploymentId", workers, queues,
            now() + (expires_at - created_at) as "expiresAt"
       from api_keys where id = $1 for update`,
    [id],
  );
  const key = rows[0];
  const inScope =
    scope === 'all' || (key?.kind === 'deployment' && key.organisationId === scope.organisationId);
  if (key === undefined || !inScope) throw noSuchKey();
  return key;
}

function whyNotRotated({ state, successor_id: successor }: KeyView): string {
  return state === 'rotated' && successor !== null
    ? `This key was rotated already; its successor is ${successor}`
    : `This key is ${state}: create a new one`;
}

/**
 * Admin keys in use are locked in the order of their ids, so that of two revocations of the last two one comes second
 * and is refused. A rotated key is no key to rely on: it ends by itself.
 */
async function refuseLastAdmin(client: SqlClient, { id, state }: KeyView): Promise<void> {
  const { rows } = await client.query<{ id: string }>(
    `select id from api_keys
      where kind = 'admin' and revoked_at is null and successor_id is null and (expires_at is null or expires_at > now())
      order by id for update`,
  );
  const isGood = state === 'active' || state === 'rotated';
  if (isGood && rows.every((row) => row.id === id)) {
    throw apiError('conflict', 'This is the last admin key: create another one first');
  }
}

function wordsOf(
  { id, kind, name, hint, expires_at, workers, queues }: KeyView,
  organisationId: string | null,
) {
  const reach = kind === 'service' ? { workers, queues } : {};
  return {
    target: `${kind} key ${name}`,
    organisationId,
    detail: { key_id: id, hint, expires_at, ...reach },
  };
}
