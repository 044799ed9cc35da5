import { coreWorkerNames } from '@longshore/contracts';
import {
  type Child,
  type Clock,
  createSupervisor,
  type Logger,
  readBrokerUrl,
  type Supervisor,
  systemClock,
} from '@longshore/runtime';
import { endRestoredSessions } from '../backup/restored-sessions.ts';
import { CliError } from '../cli-error.ts';
import { createPlatformClient } from '../client/platform-client.ts';
import { type Credentials, findCredentials, readCredentials } from '../home/credentials.ts';
import { readEarlierInstance, removeEarlierInstance, writeInstance } from '../home/instance.ts';
import { appArguments } from './app-entry.ts';
import { type Addresses, backendEnvironment, workerEnvironment } from './child-environment.ts';
import { writeDevelopmentSettings } from './development-settings.ts';
import { awaitLeftovers, leftoverProcesses } from './leftovers.ts';
import { claimPort } from './ports.ts';
import { backendIsReady, type StartedWorker, workersAreRegistered } from './readiness.ts';
import type { PlatformSettings } from './settings.ts';
import { openStorage } from './storage.ts';

export interface StartOptions {
  settings: PlatformSettings;
  logger: Logger;
  /** Ends the start before it is done. */
  signal: AbortSignal;
  /** Told about each step that takes time. */
  onStep: (step: string) => void;
  /** Told once, in a sentence, when something takes longer than it should. */
  onDelay?: (sentence: string) => void;
  clock?: Clock;
}

/** A platform whose backend is ready and whose workers are registered. */
export interface Platform {
  readonly url: string;
  readonly credentials: Credentials;
  /** Whether the keys were made by this start. */
  readonly isNew: boolean;
  /** Workers first, then the backend to which they report, the database last. Each gets its grace. */
  stop(): Promise<void>;
}

/** Workers wait for broker and backend, which are there already. */
const REGISTERED_WITHIN_MS = 120_000;
/** They take about a second. */
const TOLD_AFTER_MS = 10_000;
/** A backend that died is missed by all others. */
const RESTART_DELAY_MS = 1_000;
/** Beyond its grace a process has this long to give back what is left. */
const HAND_BACK_MS = 6_000;

/**
 * Starts everything that one platform consists of, in a home that the caller holds. Throws with a sentence when it cannot; what was started until then is
 * stopped before.
 */
export async function startPlatform(options: StartOptions): Promise<Platform> {
  const started = new AsyncDisposableStack();
  try {
    return await assemble({ clock: systemClock, onDelay: () => undefined, ...options }, started);
  } catch (error) {
    await started.disposeAsync();
    throw error;
  }
}

type Context = Required<StartOptions>;
/** Starts an app as a child that is kept running. */
type Run = (app: string, env: NodeJS.ProcessEnv) => Child;

async function assemble(context: Context, started: AsyncDisposableStack): Promise<Platform> {
  const { settings, onStep, logger, clock, signal } = context;
  await endLeftovers(context);
  const port = await claimPort(settings.host, settings.port);
  const isNew = findCredentials(settings.home) === undefined;

  onStep('starting the database');
  const storage = await openStorage(settings, logger);
  started.defer(() => storage.stop());
  // A backup holds the database of its home and no other.
  if (settings.databaseUrl === undefined) await endRestoredSessions(settings.home, storage.databaseUrl);
  signal.throwIfAborted();
  const addresses = { ...storage, port, url: `http://${reachable(settings.host)}:${port}` };

  const save = instanceRecord(context, addresses.url);
  const supervisor = createSupervisor({
    logger,
    clock,
    restartDelayMs: RESTART_DELAY_MS,
    onEvent: () => save(supervisor),
  });
  started.defer(() => supervisor.stopAll(AbortSignal.timeout(settings.graceMs + HAND_BACK_MS)));
  started.defer(() => stopWorkers(supervisor, settings));

  const run: Run = (name, env) => {
    const child = supervisor.add({ name, command: process.execPath, args: appArguments(name), env });
    save(supervisor);
    return child;
  };
  onStep('starting the backend');
  const credentials = await startBackend(context, run, addresses);
  onStep('starting the workers');
  writeDevelopmentSettings(settings.home, coreWorkerNames, { addresses, credentials });
  await startWorkers(context, run, { addresses, credentials });
  return { url: addresses.url, credentials, isNew, stop: () => started.disposeAsync() };
}

async function endLeftovers({ settings, onStep, clock }: Context): Promise<void> {
  const earlier = readEarlierInstance(settings.home);
  if (earlier === undefined) return;
  if (leftoverProcesses(earlier).length > 0)
    onStep('waiting for the processes of a platform that was killed');
  await awaitLeftovers(earlier, settings.graceMs + HAND_BACK_MS, clock);
  removeEarlierInstance(settings.home);
}

function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host.includes(':') ? `[${host === '::' ? '::1' : host}]` : host;
}

/** Keeps the record of this platform as its processes come and go. */
function instanceRecord(
  { settings: { home }, clock }: Context,
  url: string,
): (supervisor: Supervisor) => void {
  const startedAt = new Date(clock.now()).toISOString();
  return ({ children }) => {
    const processes = children.flatMap(({ name, pid }) => (pid === undefined ? [] : [{ name, pid }]));
    writeInstance(home, { pid: process.pid, url, started_at: startedAt, processes });
  };
}

async function stopWorkers(supervisor: Supervisor, { graceMs }: PlatformSettings): Promise<void> {
  const deadline = AbortSignal.timeout(graceMs + HAND_BACK_MS);
  const workers = supervisor.children.filter(({ name }) => name !== 'backend');
  await Promise.all(workers.map((worker) => worker.stop(deadline)));
}

async function startBackend(
  { settings, clock, signal }: Context,
  run: Run,
  addresses: Addresses,
): Promise<Credentials> {
  const backend = run('backend', backendEnvironment(settings, addresses));
  await backendIsReady(backend, addresses.url, { clock, signal });
  return readCredentials(settings.home);
}

/** What may be wrong, as far as it is known here: the broker of a home of its own is up by now. */
function lateness({ brokerUrl, home }: PlatformSettings): string {
  return brokerUrl === undefined
    ? `The workers are not up yet, and are waited for: a slow or busy machine takes its time. They say more in ${home.logs}.`
    : `The workers are not up yet: each waits until the broker at ${readBrokerUrl(brokerUrl).shown} answers. "longshore doctor" says what it finds there, and they say more in ${home.logs}.`;
}

async function startWorkers(
  { settings, clock, signal, onDelay }: Context,
  run: Run,
  given: { addresses: Addresses; credentials: Credentials },
): Promise<void> {
  const workers = settings.workers.map((name): StartedWorker => {
    const startedAt = clock.monotonic();
    return { name, startedAt, child: run(name, workerEnvironment(name, settings, given)) };
  });
  const client = createPlatformClient({ url: given.addresses.url, key: given.credentials.admin_key });
  const tooLate = new AbortController();
  const error = new CliError(
    `Not every worker came up within ${REGISTERED_WITHIN_MS / 1000} s: look into ${settings.home.logs}.`,
  );
  const timer = setTimeout(() => tooLate.abort(error), REGISTERED_WITHIN_MS);
  const delayed = lateness(settings);
  const delay = setTimeout(() => onDelay(delayed), TOLD_AFTER_MS);
  try {
    await workersAreRegistered(workers, client, { clock, signal: AbortSignal.any([signal, tooLate.signal]) });
  } finally {
    clearTimeout(timer);
    clearTimeout(delay);
  }
}
