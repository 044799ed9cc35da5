import type { Logger } from '@longshore/runtime';
import type { PeriodicWork } from '../periodic.ts';
import type { Database, SqlClient } from '../store/database.ts';
import { encryptionKeys, type EncryptionKeySettings } from './encryption-keys.ts';
import { sealedColumns } from './sealed-columns.ts';
import {
  createSealing,
  keyIdOf,
  SealingError,
  unknownKey,
  type Sealing,
  type SealingKey,
} from './sealing.ts';

/** A text that is known, sealed by the newest key of whoever came first: by it backends notice that they have different keys. */
const CHECK = 'sealing_check';
/** Backends that start side by side agree on one. */
const CHECK_LOCK = 7_061_992;
const LOOK_EVERY_MS = 5_000;

export interface OpenSealingDependencies {
  readonly config: EncryptionKeySettings;
  readonly database: Database;
  readonly logger: Logger;
}

/**
 * The sealing of this backend, held against what the database holds.
 *
 * As long as nothing is sealed there, keys may change as they like: the backend that started last decides, and one that was there
 * before and has others seals nothing more (looked at every five seconds).
 * @throws SealingError when there are secrets in the database that this backend could not open
 */
export async function openSealing({ config, database, logger }: OpenSealingDependencies): Promise<{
  readonly sealing: Sealing;
  readonly keys: readonly SealingKey[];
  readonly work: PeriodicWork;
}> {
  const keys = await encryptionKeys(config);
  const sealing = createSealing({ keys });
  await database.transaction((client) => confirmKeys(client, { keys, sealing, logger }));
  let strange = false;
  const look = async () => {
    const checkedBy = await checkKeyId(database.query);
    strange = checkedBy !== undefined && !keys.some(({ id }) => id === checkedBy);
    if (strange) logger.error('Another backend of this database seals by another key', { key: checkedBy });
  };
  const seal: Sealing['seal'] = (plain, context) => {
    if (!strange) return sealing.seal(plain, context);
    throw new SealingError(
      'Another backend of this database seals by another key: give all backends the same ENCRYPTION_KEYS and restart them',
    );
  };
  return { sealing: { ...sealing, seal }, keys, work: { label: 'keys', everyMs: LOOK_EVERY_MS, run: look } };
}

type Query = Database['query'];

/** Of the one row that all backends share; undefined before there is one. */
async function checkKeyId(query: Query): Promise<string | undefined> {
  const [row] = await query<{ value: Buffer }>('select value from instance_secrets where name = $1', [CHECK]);
  return row && keyIdOf(row.value.toString());
}

interface Confirming {
  readonly keys: readonly SealingKey[];
  readonly sealing: Sealing;
  readonly logger: Logger;
}

async function confirmKeys(client: SqlClient, { keys, sealing, logger }: Confirming): Promise<void> {
  const query = async <Row>(text: string, values: unknown[] = []) =>
    (await client.query(text, values)).rows as Row[];
  await query('select pg_advisory_xact_lock($1)', [CHECK_LOCK]);
  const known = new Set(keys.map(({ id }) => id));
  const needed = await keysInUse(client);
  const missing = needed.filter((id) => !known.has(id));
  if (missing.length > 0) throw unknownKey(missing);
  const checkedBy = await checkKeyId(query as Query);
  if (checkedBy !== undefined && known.has(checkedBy)) return;
  if (checkedBy !== undefined && needed.length > 0) throw unknownKey([checkedBy]);
  if (checkedBy !== undefined) logger.warn('Secrets are sealed by another key from now on; there were none');
  await writeCheck(client, sealing);
}

/** Ids of the keys by which anything is sealed. */
async function keysInUse(client: SqlClient): Promise<string[]> {
  const parts = sealedColumns.map(
    ({ table, column }) =>
      `select split_part(${column}, '.', 2) as id from ${table} where ${column} is not null`,
  );
  const { rows } = await client.query<{ id: string }>(parts.join(' union '));
  return rows.map(({ id }) => id);
}

/** Seals the check anew, by the newest key. */
export async function writeCheck(client: SqlClient, sealing: Sealing): Promise<void> {
  await client.query(
    'insert into instance_secrets (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value',
    [CHECK, Buffer.from(sealing.seal(CHECK, CHECK))],
  );
}
