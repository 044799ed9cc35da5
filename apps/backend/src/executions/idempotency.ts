import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { apiError } from '@longshore/contracts';
import type { Database } from '../store/database.ts';
import type { ReceivedForm } from './multipart.ts';
import type { ReceivedFile } from './upload-writer.ts';
import type { ExecutionFields } from './request-fields.ts';

/** How long a key names the execution that it was first sent with. */
export const KEY_VALID_HOURS = 24;

const HEADER = 'Idempotency-Key';
const VISIBLE_ASCII = /^[\x21-\x7e]{1,255}$/;

/** A key with what was sent under it. */
export interface Once {
  readonly key: string;
  readonly fingerprint: string;
}

/** The execution that a key names already. */
export interface EarlierExecution {
  readonly execution_id: string;
  readonly fingerprint: string;
}

/** The key of a request, or null when it has none. @throws ApiError 400. */
export function idempotencyKeyOf(headers: IncomingHttpHeaders): string | null {
  const key = headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key === 'string' && VISIBLE_ASCII.test(key)) return key;
  throw apiError('invalid', 'Must be 1 to 255 visible ASCII characters.', HEADER);
}

/**
 * What a client sent, as one text: fields, names and contents of files, addresses as they were written (what is
 * fetched from them is theirs to change). How long it waits for the answer is no part of it.
 */
export function fingerprintOf(
  { timeoutSeconds: _, ...fields }: ExecutionFields,
  files: readonly ReceivedFile[],
  { urls }: ReceivedForm,
): string {
  const sent = [fields, files.map(({ name, sha256 }) => [name, sha256]), urls];
  return createHash('sha256').update(JSON.stringify(sent)).digest('hex');
}

/** The id of the earlier execution. @throws ApiError 409 when something else was sent under the key. */
export function repeatedExecution(earlier: EarlierExecution, { fingerprint }: Once): string {
  if (earlier.fingerprint === fingerprint) return earlier.execution_id;
  throw apiError('idempotency_conflict', 'This key was sent before, with another request', HEADER);
}

/** The execution that the key names, if it does. What it answers may be out of date; accepting decides. */
export async function findEarlier(
  database: Database,
  deploymentId: string,
  key: string,
): Promise<EarlierExecution | null> {
  const [row] = await database.query<EarlierExecution>(
    `select execution_id, fingerprint from idempotency_keys
      where deployment_id = $1 and key = $2 and created_at >= now() - $3 * interval '1 hour'`,
    [deploymentId, key, KEY_VALID_HOURS],
  );
  return row ?? null;
}

/** Removes the keys that name nothing any more. */
export async function forgetOldKeys(database: Database): Promise<void> {
  await database.query(`delete from idempotency_keys where created_at < now() - $1 * interval '1 hour'`, [
    KEY_VALID_HOURS,
  ]);
}
