import { createHash, randomBytes } from 'node:crypto';
import { uuidV7 } from '@longshore/runtime';
import type { Database } from '../store/database.ts';

export type KeyKind = 'admin' | 'organisation' | 'deployment' | 'service';

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
  readonly organisationId?: string;
  readonly deploymentId?: string;
  readonly workers?: readonly string[];
  readonly queues?: readonly string[];
}

export interface Keys {
  /** Makes a key; the secret is in the answer and nowhere else. */
  create(key: NewKey): Promise<{ id: string; secret: string }>;
  /** The good key behind a secret, or null. Always asks the database: a revoked key is refused at once. */
  find(secret: string): Promise<Key | null>;
}

const PREFIXES: Record<KeyKind, string> = {
  admin: 'adm',
  organisation: 'org',
  deployment: 'dep',
  service: 'svc',
};
const SECRET_BYTES = 32;

/**
 * A key is 256 random bits, so its plain SHA-256 is a safe thing to store, and finding the hash in an index tells
 * an attacker nothing about a secret: no prefix of a hash leads to one.
 */
export function hashOfKey(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

const findKey = {
  name: 'find_key',
  text: `select id, kind, name, organisation_id as "organisationId", deployment_id as "deploymentId", workers, queues
           from api_keys
          where hash = $1 and revoked_at is null and (expires_at is null or expires_at > now())`,
};

export function createKeys(database: Database): Keys {
  return {
    async create({ kind, name, organisationId, deploymentId, workers = [], queues = [] }) {
      const id = uuidV7();
      const secret = `lsk_${PREFIXES[kind]}_${randomBytes(SECRET_BYTES).toString('base64url')}`;
      await database.query(
        `insert into api_keys (id, kind, name, hash, organisation_id, deployment_id, workers, queues)
         values ($1, $2, $3, $4, $5, $6, $7, $8)`,
        [id, kind, name, hashOfKey(secret), organisationId ?? null, deploymentId ?? null, workers, queues],
      );
      return { id, secret };
    },
    async find(secret) {
      const [key] = await database.hot<Key>(findKey, [hashOfKey(secret)]);
      return key ?? null;
    },
  };
}
