import { join } from 'node:path';
import { coreWorkerNames, routes } from '@longshore/contracts';
import { startEmbeddedPostgres } from '@longshore/embedded-postgres';
import { type Child, type Clock, createSupervisor, type Logger, type Supervisor } from '@longshore/runtime';
import { CliError } from '../cli-error.ts';
import { createPlatformClient } from '../client/platform-client.ts';
import { type Credentials, readCredentials } from '../home/credentials.ts';
import type { Home } from '../home/home.ts';
import { appEntry } from '../platform/app-entry.ts';
import { type Addresses, backendEnvironment, workerEnvironment } from '../platform/child-environment.ts';
import { claimPort } from '../platform/ports.ts';
import { backendIsReady } from '../platform/readiness.ts';
import type { PlatformSettings } from '../platform/settings.ts';
import { throwAwaySettings } from '../platform/throw-away-settings.ts';
import type { Wire } from './fault.ts';
import { type BreakableProxy, startProxy } from './proxy.ts';
import { startRedis, type ThrowAwayRedis } from './redis.ts';

/** A platform that may be broken, with what is needed to break it. */
export interface ChaosInstance {
  /** Of the wire before the backends. */
  readonly url: string;
  readonly credentials: Credentials;
  /** What the processes reach each other through. */
  readonly wires: Readonly<Partial<Record<Wire, BreakableProxy>>>;
  /** Undefined: the broker is the PostgreSQL server. */
  readonly redis: ThrowAwayRedis | undefined;
  readonly storage: Storage;
  /** The database that gets rows from pipelines, through the wire before the server: what the platform is told of it. */
  readonly resultsUrl: string;
  /** Backends and workers, two processes of each. */
  readonly processes: readonly Child[];
  /** Ends everything, frozen processes too. */
  stop(): Promise<void>;
}

/** Where the stores are, past the wires. */
interface Storage {
  readonly databaseUrl: string;
  readonly brokerUrl: string;
  /** Of the database that gets rows from pipelines. */
  readonly resultsUrl: string;
  /** The superuser's. */
  readonly adminUrl: string;
}

export interface InstanceOptions {
  home: Home;
  broker: 'redis' | 'postgres';
  /** What the processes are told besides. */
  environment: Readonly<Record<string, string>>;
  logger: Logger;
  clock: Clock;
  signal: AbortSignal;
  onStep: (step: string) => void;
}

const BACKENDS = ['backend-1', 'backend-2'] as const;
/** The processes of an instance, by name. */
export const processNames: readonly string[] = [
  ...BACKENDS,
  ...coreWorkerNames.flatMap((worker) => [`${worker}-1`, `${worker}-2`]),
];

const GRACE_MS = 3_000;
const HAND_BACK_MS = 6_000;
const RESTART_DELAY_MS = 1_000;
const REGISTERED_WITHIN_MS = 240_000;
const LOOK_EVERY_MS = 200;

/** Starts database, broker, two backends behind a proxy, and two processes of each worker. Throws with a sentence when it cannot. */
export async function startInstance(options: InstanceOptions): Promise<ChaosInstance> {
  const started = new AsyncDisposableStack();
  try {
    return await assemble(options, started);
  } catch (error) {
    await started.disposeAsync();
    throw error;
  }
}

async function assemble(options: InstanceOptions, started: AsyncDisposableStack): Promise<ChaosInstance> {
  const { home, logger, clock, signal, onStep } = options;
  onStep('starting database and broker');
  const { storage, redis } = await startStorage(options, started);
  signal.throwIfAborted();
  const ports = await Promise.all(BACKENDS.map(() => claimPort('127.0.0.1', 0)));
  const wires = await layWires(storage, ports, started);
  const url = `http://127.0.0.1:${wires.backends.port}`;
  const supervisor = createSupervisor({ logger, clock, restartDelayMs: RESTART_DELAY_MS });
  started.defer(() => supervisor.stopAll(AbortSignal.timeout(GRACE_MS + HAND_BACK_MS)));
  started.defer(() => stopWorkers(supervisor));
  started.defer(async () => wake(supervisor));
  const resultsUrl = through(storage.resultsUrl, wires.all.postgres);
  const run = runner(supervisor, settingsOf(options, resultsUrl));

  onStep('starting two backends');
  for (const [index, name] of BACKENDS.entries()) {
    // One after the other: the first makes the tables and the keys.
    const port = ports[index]!;
    const child = run(name, (settings) => backendEnvironment(settings, { ...wires.stores, url, port }));
    await backendIsReady(child, `http://127.0.0.1:${port}`, { clock, signal });
  }
  const credentials = readCredentials(home);
  onStep('starting two processes of each worker');
  const addresses: Addresses = { ...wires.stores, url, port: wires.backends.port };
  const given = { addresses, credentials };
  for (const worker of coreWorkerNames) {
    for (const name of [`${worker}-1`, `${worker}-2`])
      run(name, (settings) => workerEnvironment(worker, settings, given));
  }
  await allRegistered({ url, credentials, home, clock, signal });
  const stop = () => started.disposeAsync();
  const processes = supervisor.children;
  return { url, credentials, wires: wires.all, redis, storage, resultsUrl, processes, stop };
}

async function startStorage({ home, broker, logger }: InstanceOptions, started: AsyncDisposableStack) {
  const server = await startEmbeddedPostgres({
    dataDir: home.postgres,
    logFile: join(home.logs, 'postgresql.log'),
    logger: logger.child({ part: 'postgresql' }),
  });
  started.defer(() => server.stop());
  const { adminUrl } = server;
  const databaseUrl = await server.createDatabase({ name: 'longshore', role: 'longshore' });
  const resultsUrl = await server.createDatabase({ name: 'results', role: 'results' });
  if (broker === 'postgres') {
    const brokerUrl = await server.createDatabase({ name: 'broker', role: 'longshore_broker' });
    return { storage: { databaseUrl, brokerUrl, resultsUrl, adminUrl }, redis: undefined };
  }
  const redis = await startRedis(home.folder);
  started.defer(() => redis.kill());
  return { storage: { databaseUrl, brokerUrl: redis.url, resultsUrl, adminUrl }, redis };
}

function settingsOf({ home, environment }: InstanceOptions, resultsUrl: string): PlatformSettings {
  const settings = throwAwaySettings(home, GRACE_MS);
  return { ...settings, env: { ...settings.env, ...environment, PIPELINE_HOSTS: new URL(resultsUrl).host } };
}

/** A wire before the backends, and one before each server; the processes know the stores by the wires' addresses. */
async function layWires(
  { databaseUrl, brokerUrl }: Storage,
  backendPorts: readonly number[],
  started: AsyncDisposableStack,
) {
  const lay = async (ports: readonly number[]): Promise<BreakableProxy> => {
    const wire = await startProxy(ports);
    started.defer(() => wire.stop());
    return wire;
  };
  const [backends, postgres] = [await lay(backendPorts), await lay([portOf(databaseUrl)])];
  const redis = brokerUrl.startsWith('redis:') ? await lay([portOf(brokerUrl)]) : undefined;
  const stores = {
    databaseUrl: through(databaseUrl, postgres),
    brokerUrl: through(brokerUrl, redis ?? postgres),
  };
  return { backends, stores, all: { backends, postgres, ...(redis !== undefined && { redis }) } };
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}

function through(url: string, { port }: BreakableProxy): string {
  return Object.assign(new URL(url), { port: String(port) }).href;
}

type Run = (name: string, environment: (settings: PlatformSettings) => NodeJS.ProcessEnv) => Child;

/** Each process has a folder for its logs: two of one kind would write into one file. */
function runner(supervisor: Supervisor, settings: PlatformSettings): Run {
  const { home } = settings;
  return (name, environment) =>
    supervisor.add({
      name,
      command: process.execPath,
      args: [appEntry(name.replace(/-\d$/, ''))],
      env: environment({ ...settings, home: { ...home, logs: join(home.logs, name) } }),
    });
}

interface Registration {
  url: string;
  credentials: Credentials;
  home: Home;
  clock: Clock;
  signal: AbortSignal;
}

/** Waits until both processes of each worker have a session. */
async function allRegistered({ url, credentials, home, clock, signal }: Registration): Promise<void> {
  const client = createPlatformClient({ url, key: credentials.admin_key });
  const deadline = clock.monotonic() + REGISTERED_WITHIN_MS;
  for (;;) {
    const { pools } = await client.call(routes.workers, { signal });
    const sessions = pools.flatMap((pool) => pool.sessions.filter(({ state }) => state === 'active'));
    if (sessions.length >= 2 * coreWorkerNames.length) return;
    if (clock.monotonic() > deadline)
      throw new CliError(`Not every worker came up within 4 minutes: look into ${home.logs}.`);
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
}

/** A process that is stopped by a signal hears no other one. */
function wake({ children }: Supervisor): void {
  for (const { pid } of children) {
    if (pid !== undefined) signalProcess(pid, 'SIGCONT');
  }
}

/** Answers whether there is such a process. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false; // It ended a moment ago.
  }
}

async function stopWorkers(supervisor: Supervisor): Promise<void> {
  const deadline = AbortSignal.timeout(GRACE_MS + HAND_BACK_MS);
  const workers = supervisor.children.filter(({ name }) => !name.startsWith('backend-'));
  await Promise.all(workers.map((worker) => worker.stop(deadline)));
}
