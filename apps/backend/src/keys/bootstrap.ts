import { readFile, rename, writeFile } from 'node:fs/promises';
import { coreWorkerNames, coreWorkers, type CoreWorkerName } from '@longshore/contracts';
import type { Logger } from '@longshore/runtime';
import { z } from 'zod';
import { systemActor, writeAuditEvent } from '../audit/audit-log.ts';
import { createOrganisation } from '../native/organisations.ts';
import type { Database } from '../store/database.ts';
import type { Keys, NewKey } from './keys.ts';

/** The keys of a fresh instance, written for `longshore up` into a file that only its owner can read. */
const credentialsSchema = z.object({
  organisation: z.string(),
  api_key: z.string(),
  admin_key: z.string(),
  service_keys: z.record(z.enum(coreWorkerNames as [CoreWorkerName, ...CoreWorkerName[]]), z.string()),
});
type Credentials = z.infer<typeof credentialsSchema>;

const ORGANISATION = 'default';

export interface BootstrapDependencies {
  readonly database: Database;
  readonly keys: Keys;
  readonly logger: Logger;
  readonly file: string;
}

/**
 * Makes sure that the file holds keys that are good in this database: keeps it when they are, else creates
 * organisation `default`, an organisation key, an admin key and one service key per core worker.
 */
export async function bootstrapCredentials(dependencies: BootstrapDependencies): Promise<void> {
  const existing = await readCredentials(dependencies.file);
  if (existing !== null && (await allGood(dependencies.keys, existing))) return;
  const credentials = await createCredentials(dependencies);
  await writeFile(`${dependencies.file}.new`, `${JSON.stringify(credentials, null, 2)}\n`, {
    mode: 0o600,
    flush: true,
  });
  await rename(`${dependencies.file}.new`, dependencies.file);
  dependencies.logger.info('Created the first organisation and its keys', {
    organisation: credentials.organisation,
  });
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

async function createCredentials({ database, keys }: BootstrapDependencies): Promise<Credentials> {
  const organisationId = await organisation(database);
  const apiKey = await firstKey(keys, {
    kind: 'organisation',
    name: 'first organisation key',
    organisationId,
  });
  const adminKey = await firstKey(keys, { kind: 'admin', name: 'first admin key' });
  const serviceKeys: Partial<Record<CoreWorkerName, string>> = {};
  for (const name of coreWorkerNames) {
    const { secret } = await firstKey(keys, {
      kind: 'service',
      name: `worker ${name}`,
      workers: [name],
      queues: coreWorkers[name].queues,
    });
    serviceKeys[name] = secret;
  }
  return credentialsSchema.parse({
    organisation: ORGANISATION,
    api_key: apiKey.secret,
    admin_key: adminKey.secret,
    service_keys: serviceKeys,
  });
}

/** The platform makes these itself, before anybody could. */
function firstKey(keys: Keys, key: NewKey): Promise<{ secret: string }> {
  const { kind, name, organisationId = null } = key;
  const act = { actor: systemActor, address: null, requestId: null, action: 'key.create', detail: null };
  return keys.create(key, (client) =>
    writeAuditEvent(client, { ...act, outcome: 'success', organisationId, target: `${kind} key ${name}` }),
  );
}

async function organisation(database: Database): Promise<string> {
  const [row] = await database.query<{ id: string }>('select id from organisations where name = $1', [
    ORGANISATION,
  ]);
  return (
    row?.id ?? (await database.transaction((client) => createOrganisation(client, { name: ORGANISATION }))).id
  );
}
