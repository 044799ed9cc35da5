import { resolve } from 'node:path';
import { type CoreWorkerName, coreWorkers } from '@longshore/contracts';
import type { Credentials } from '../home/credentials.ts';
import { compileCache } from './app-entry.ts';
import type { PlatformSettings } from './settings.ts';

/** Where the parts of one platform find each other. */
export interface Addresses {
  /** Of the public API, e.g. `http://127.0.0.1:8000`. */
  readonly url: string;
  readonly port: number;
  readonly databaseUrl: string;
  readonly brokerUrl: string;
}

/** What only the backend may know. It is taken out of the environment that workers inherit. */
const BACKEND_ONLY = [
  'DATABASE_URL',
  'DATABASE_URL_FILE',
  'ENCRYPTION_KEYS',
  'ENCRYPTION_KEYS_FILE',
  'LONGSHORE_ADMIN_API_KEY',
  'LONGSHORE_ADMIN_API_KEY_FILE',
];
const OF_THE_CLIENT = ['LONGSHORE_API_KEY', 'LONGSHORE_API_KEY_FILE', 'LONGSHORE_URL'];
/** Set by us for each process: what was inherited from elsewhere must not get in between. */
const OURS = ['BROKER_URL_FILE', 'REDIS_PASSWORD', 'INTERNAL_SERVICE_API_KEY_FILE', 'NODE_CHANNEL_FD'];

/** Chosen for tasks of one's own, which only `general` runs. */
const OF_GENERAL = ['TASK_QUEUES', 'QUEUE_NAME', 'TASK_GROUPS', 'ACTION_GROUPS'];
/** That of the tasks of all other workers. */
const OWN_GROUP = 'General';

function common({ env, home, logLevel, graceMs }: PlatformSettings): NodeJS.ProcessEnv {
  const left = Object.fromEntries(Object.entries(env).filter(([name]) => !OURS.includes(name)));
  return {
    ...(compileCache !== undefined && { NODE_COMPILE_CACHE: compileCache }),
    ...left,
    LONGSHORE_HOME: home.folder,
    LONGSHORE_LOG_DIR: home.logs,
    LOG_LEVEL: logLevel,
    SHUTDOWN_GRACE: String(graceMs / 1000),
  };
}

/** The environment of the backend. */
export function backendEnvironment(settings: PlatformSettings, addresses: Addresses): NodeJS.ProcessEnv {
  return {
    ...common(settings),
    HOST: settings.host,
    PORT: String(addresses.port),
    DATABASE_URL: addresses.databaseUrl,
    BROKER_URL: addresses.brokerUrl,
    STORAGE_DIR: resolve(settings.storageDir),
    LONGSHORE_BOOTSTRAP_FILE: settings.home.credentials,
  };
}

/** What a worker is told, by us or by a file for those who serve it by hand. */
export function workerSettings(
  worker: CoreWorkerName,
  addresses: Addresses,
  credentials: Credentials,
): Record<string, string> {
  return {
    INTERNAL_API_BASE_URL: `${addresses.url}/internal`,
    INTERNAL_SERVICE_API_KEY: credentials.service_keys[worker] ?? '',
    BROKER_URL: addresses.brokerUrl,
  };
}

/**
 * The environment of a worker, from which the database of the truth cannot be reached. Queues and groups of tasks are chosen for `general`
 * alone: the others serve their own, for which they have a key.
 */
export function workerEnvironment(
  worker: CoreWorkerName,
  settings: PlatformSettings,
  given: { addresses: Addresses; credentials: Credentials },
): NodeJS.ProcessEnv {
  const choices = worker === 'general' ? {} : ownChoices(worker);
  const hidden = new Set([...BACKEND_ONLY, ...OF_THE_CLIENT, ...(worker === 'general' ? [] : OF_GENERAL)]);
  const inherited = Object.entries(common(settings)).filter(([name]) => !hidden.has(name));
  const { addresses, credentials } = given;
  return {
    ...Object.fromEntries(inherited),
    ...choices,
    ...workerSettings(worker, addresses, credentials),
  };
}

/** Said although they are the defaults: the worker reads the `.env` too, behind its environment. */
function ownChoices(worker: CoreWorkerName): NodeJS.ProcessEnv {
  return { TASK_QUEUES: coreWorkers[worker].queues.join(','), TASK_GROUPS: OWN_GROUP };
}
