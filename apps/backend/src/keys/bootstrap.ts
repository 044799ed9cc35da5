import { access, constants, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { coreWorkerNames, coreWorkers, type CoreWorkerName } from '@longshore/contracts';
import type { Logger } from '@longshore/runtime';
import { z } from 'zod';
import { systemActor, writeAuditEvent } from '../audit/audit-log.ts';
import { createOrganisation } from '../native/organisations.ts';
import type { Database, SqlClient } from '../store/database.ts';
import { insertKey, type Keys, type NewKey } from './keys.ts';

/** The keys of a fresh instance, written for `longshore up` into a file that only its owner can read. */
const credentialsSchema = z.object({
  organisation: z.string(),
  api_key: z.string(),
  admin_key: z.string(),
  /** A worker that came with a later release has none at first. */
  service_keys: z.partialRecord(z.enum(coreWorkerNames), z.string()),
});
type Credentials = z.infer<typeof credentialsSchema>;

const ORGANISATION = 'default';

export interface BootstrapDependencies {
  readonly database: Database;
  readonly keys: Keys;
  readonly logger: Logger;
  readonly file: string;
}

/** Backends that start side by side agree on one set of keys. */
const BOOTSTRAP_LOCK = 7_061_989;

/**
 * Makes sure that the file holds keys that are good in this database. Keeps it when they are. In a database without any key,
 * those of the file become good: so a fleet is given its keys before it starts. Else creates organisation `default`, an
 * organisation key, an admin key and one service key per core worker, and writes them into the file. A worker that is new since
 * the file was written gets its key added.
 */
export async function bootstrapCredentials(dependencies: BootstrapDependencies): Promise<void> {
  const { file, database, keys, logger } = dependencies;
  const existing = await readCredentials(file);
  if (existing !== null && (await allGood(keys, existing))) return addWorkers(dependencies, existing);
  const made = await database.transaction(async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [BOOTSTRAP_LOCK]);
    if (existing !== null && (await allGood(keys, existing))) return existing;
    const { rows } = await client.query('select from api_keys limit 1');
    return createCredentials(client, rows.length === 0 ? existing : null);
  });
  if (made !== existing) await writeCredentials(file, made);
  logger.info('Created the first organisation and its keys', { organisation: made.organisation });
  await addWorkers(dependencies, made);
}

/** Keys for the workers that the file does not name, where it can be written; else it is said whose are missing. */
async function addWorkers({ database, file, logger }: BootstrapDependencies, given: Credentials) {
  const workers = coreWorkerNames.filter((name) => given.service_keys[name] === undefined);
  if (workers.length === 0) return;
  if (!(await canBeWritten(file))) {
    logger.warn('Workers have no key in the file of first keys: longshore keys create', { file, workers });
    return;
  }
  const made = await database.transaction(async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [BOOTSTRAP_LOCK]);
    return workerKeys(client, workers, {});
  });
  await writeCredentials(file, { ...given, service_keys: { ...given.service_keys, ...made } });
  logger.info('Created keys for new workers', { workers });
}

async function canBeWritten(file: string): Promise<boolean> {
  try {
    await Promise.all([file, dirname(file)].map((path) => access(path, constants.W_OK)));
    return true;
  } catch {
    return false;
  }
}

async function writeCredentials(file: string, credentials: Credentials): Promise<void> {
  await writeFile(`${file}.new`, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600, flush: true });
  await rename(`${file}.new`, file);
}

async function readCredentials(file: string): Promise<Credentials | null> {
  try {
    return credentialsSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new Error(`${file} does not hold the keys of an instance; move it away to have new ones made`, {
      cause: error,
    });
  }
}

async function allGood(keys: Keys, credentials: Credentials): Promise<boolean> {
  const secrets = [credentials.api_key, credentials.admin_key, ...Object.values(credentials.service_keys)];
  const found = await Promise.all(secrets.map((secret) => keys.find(secret)));
  return found.every((key) => key !== null);
}

/** With the given secrets, or new ones. */
async function createCredentials(client: SqlClient, given: Credentials | null): Promise<Credentials> {
  const organisation = given?.organisation ?? ORGANISATION;
  const organisationId = await ensureOrganisation(client, organisation);
  const apiKey: NewKey = { kind: 'organisation', name: 'first organisation key', organisationId };
  const api_key = await firstKey(client, apiKey, given?.api_key);
  const admin_key = await firstKey(client, { kind: 'admin', name: 'first admin key' }, given?.admin_key);
  const workers = coreWorkerNames.filter((name) => given === null || given.service_keys[name] !== undefined);
  const service_keys = await workerKeys(client, workers, given?.service_keys ?? {});
  return given ?? { organisation, api_key, admin_key, service_keys };
}

/** A key for each of these workers, good for its own queues. Answers the secrets. */
async function workerKeys(
  client: SqlClient,
  workers: readonly CoreWorkerName[],
  given: Credentials['service_keys'],
): Promise<Credentials['service_keys']> {
  const made: Credentials['service_keys'] = {};
  for (const name of workers) {
    const { queues } = coreWorkers[name];
    const key: NewKey = { kind: 'service', name: `worker ${name}`, workers: [name], queues };
    made[name] = await firstKey(client, key, given[name]);
  }
  return made;
}

/** The platform makes these itself, before anybody could. Answers the secret. */
async function firstKey(client: SqlClient, key: NewKey, given: string | undefined): Promise<string> {
  const { kind, name, organisationId = null } = key;
  const { secret } = await insertKey(client, key, given);
  const act = { actor: systemActor, address: null, requestId: null, action: 'key.create', detail: null };
  const about = { organisationId, target: `${kind} key ${name}` };
  await writeAuditEvent(client, { ...act, ...about, outcome: 'success' });
  return secret;
}

async function ensureOrganisation(client: SqlClient, name: string): Promise<string> {
  const { rows } = await client.query<{ id: string }>('select id from organisations where name = $1', [name]);
  return rows[0]?.id ?? (await createOrganisation(client, { name })).id;
}
