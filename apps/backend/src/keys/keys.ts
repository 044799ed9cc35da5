import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { KeyKind } from '@longshore/contracts';
import { uuidV7 } from '@longshore/runtime';
import type { Database, SqlClient } from '../store/database.ts';

/** A key that was presented and is good: known, not expired, not revoked. */
export interface Key {
  readonly id: string;
  readonly kind: KeyKind;
  readonly name: string;
  readonly organisationId: string | null;
  readonly deploymentId: string | null;
  /** Service keys: the workers that may present it, and the queues they may serve. */
  readonly workers: readonly string[];
  readonly queues: readonly string[];
}

export interface NewKey {
  readonly kind: KeyKind;
  readonly name: string;
  readonly organisationId?: string | null;
  readonly deploymentId?: string | null;
  readonly workers?: readonly string[];
  readonly queues?: readonly string[];
  /** Null: it never ends. */
  readonly expiresAt?: Date | null;
}

export interface FoundKey extends Key {
  /** Null: it does not end. */
  readonly expiresInMs: number | null;
}

export interface Keys {
  /** Makes a key; the secret is in the answer and nowhere else. `record` is in the same transaction. */
  create(key: NewKey, record?: (client: SqlClient) => Promise<void>): Promise<{ id: string; secret: string }>;
  /** The good key behind a secret, or null. Always asks the database: a revoked key is refused at once. */
  find(secret: string): Promise<FoundKey | null>;
}

const PREFIXES: Record<KeyKind, string> = {
  admin: 'adm',
  organisation: 'org',
  deployment: 'dep',
  service: 'svc',
};
const SECRET_BYTES = 32;
const KEY_SHAPE = /^lsk_(?:adm|org|dep|svc)_[\w-]{43}$/;
/** Enough to recognise a key among others, and 232 bits short of it. */
const SHOWN_CHARACTERS = 4;

/**
 * A key is 256 random bits, so its plain SHA-256 is a safe thing to store, and finding the hash in an index tells
 * an attacker nothing about a secret: no prefix of a hash leads to one.
 */
export function hashOfKey(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

const findKey = {
  name: 'find_key',
  text: `select id, kind, name, organisation_id as "organisationId", deployment_id as "deploymentId", workers, queues, hash,
                (extract(epoch from expires_at - now()) * 1000)::float8 as "expiresInMs"
           from api_keys
          where hash = $1 and revoked_at is null and (expires_at is null or expires_at > now())`,
};

export function createKeys(database: Database): Keys {
  return {
    create: (key, record) =>
      database.transaction(async (client) => {
        const made = await insertKey(client, key);
        await record?.(client);
        return made;
      }),
    async find(secret) {
      // What has not the shape of a key is none, and costs the database nothing.
      if (!KEY_SHAPE.test(secret)) return null;
      const wanted = hashOfKey(secret);
      const [row] = await database.hot<FoundKey & { hash: Buffer }>(findKey, [wanted]);
      if (row === undefined || !timingSafeEqual(row.hash, wanted)) return null;
      const { hash: _hash, ...key } = row;
      return key;
    },
  };
}

/** A new secret for a key of this kind. */
function newSecret(kind: KeyKind): string {
  return `lsk_${PREFIXES[kind]}_${randomBytes(SECRET_BYTES).toString('base64url')}`;
}

/**
 * Makes a key with the transaction; the secret, which may be given, is in the answer and nowhere else.
 * @throws Error when a given secret has not the shape of one of its kind
 */
export async function insertKey(
  client: SqlClient,
  key: NewKey,
  given?: string,
): Promise<{ id: string; secret: string }> {
  const id = uuidV7();
  const prefix = `lsk_${PREFIXES[key.kind]}_`;
  const secret = given ?? newSecret(key.kind);
  if (!secret.startsWith(prefix) || !KEY_SHAPE.test(secret))
    throw new Error(
      `The secret given for the ${key.kind} key "${key.name}" is not ${prefix} and 43 characters`,
    );
  await client.query(
    `insert into api_keys (id, kind, name, hash, hint, organisation_id, deployment_id, workers, queues, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      id,
      key.kind,
      key.name,
      hashOfKey(secret),
      `${prefix}…${secret.slice(-SHOWN_CHARACTERS)}`,
      key.organisationId ?? null,
      key.deploymentId ?? null,
      key.workers ?? [],
      key.queues ?? [],
      key.expiresAt ?? null,
    ],
  );
  return { id, secret };
}
