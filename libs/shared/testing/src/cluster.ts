import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { WorkersResponse } from '@longshore/contracts';
import { freePort } from './free-port.ts';
import { startPostgres, type TestPostgres } from './postgres.ts';
import { startRoundRobin, type RoundRobin } from './round-robin.ts';

const apps = resolve(import.meta.dirname, '../../../../apps');
const WORKERS = ['api-deployment', 'file-processing', 'callback'] as const;
const STARTS_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 50;
/** Of what a process said last, characters. */
const MOST_KEPT = 4_000;
/** What a process needs to start, and to start soon. */
const NODE = { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] };

export type ClusterWorker = (typeof WORKERS)[number];

/**
 * Two backends on one database behind a reverse proxy, and the workers of the document pipeline, one process each. At first
 * backend 0 leads all pools.
 */
export interface TestCluster {
  /** The proxy's address; requests go to the backends in turn. */
  readonly url: string;
  readonly apiKey: string;
  readonly adminKey: string;
  readonly databaseUrl: string;
  /** The addresses of the backends themselves. */
  readonly backendUrls: readonly string[];
  backendPid(backend: number): number;
  /** SIGKILL; it stays away until it is restarted. */
  killBackend(backend: number): Promise<void>;
  /** SIGTERM; resolves with its exit code. It stays away until it is restarted. */
  stopBackend(backend: number): Promise<number | null>;
  /** SIGTERM unless it has ended, then a new process; resolves when that is ready. */
  restartBackend(backend: number): Promise<void>;
  restartWorker(worker: ClusterWorker): Promise<void>;
  stop(): Promise<void>;
}

interface Place {
  readonly folder: string;
  readonly databaseUrl: string;
  readonly brokerUrl: string;
  readonly env: Readonly<Record<string, string>>;
}

/** One process that can be ended and started again. */
interface Seat {
  start(): Promise<void>;
  pid(): number;
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** Starts it on a PostgreSQL of its own, which is the broker too. `env` is added to the environment of all processes. */
export async function startCluster(env: Readonly<Record<string, string>> = {}): Promise<TestCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-cluster-'));
  const postgres = await startPostgres();
  const [databaseUrl, brokerUrl] = [
    await postgres.createDatabase('truth'),
    await postgres.createDatabase('broker'),
  ];
  const place: Place = { folder, databaseUrl, brokerUrl, env };
  const ports = [await freePort(), await freePort()];
  const proxy = await startRoundRobin(ports.slice(0, 1));
  const backends = ports.map((port) => backendSeat(place, port));
  await backends[0]!.start();
  const keys = JSON.parse(readFileSync(join(folder, 'keys.json'), 'utf8')) as Keys;
  const workers = new Map(WORKERS.map((name) => [name, workerSeat(place, name, { keys, url: proxy.url })]));
  for (const worker of workers.values()) await worker.start();
  await until('the workers are heard of', () => areHeardOf(proxy.url, keys.admin_key));
  await backends[1]!.start();
  proxy.serve(ports);
  return {
    url: proxy.url,
    apiKey: keys.api_key,
    adminKey: keys.admin_key,
    databaseUrl,
    backendUrls: ports.map((port) => `http://127.0.0.1:${port}`),
    ...control(backends, workers),
    stop: () => stopAll([...workers.values(), ...backends], { proxy, postgres, folder }),
  };
}

interface Keys {
  readonly api_key: string;
  readonly admin_key: string;
  readonly service_keys: Readonly<Record<string, string>>;
}

function control(backends: readonly Seat[], workers: ReadonlyMap<ClusterWorker, Seat>) {
  const restart = async (seat: Seat) => {
    await seat.end('SIGTERM');
    await seat.start();
  };
  return {
    backendPid: (backend: number) => backends[backend]!.pid(),
    killBackend: async (backend: number) => void (await backends[backend]!.end('SIGKILL')),
    stopBackend: (backend: number) => backends[backend]!.end('SIGTERM'),
    restartBackend: (backend: number) => restart(backends[backend]!),
    restartWorker: (worker: ClusterWorker) => restart(workers.get(worker)!),
  };
}

function backendSeat({ folder, databaseUrl, brokerUrl, env }: Place, port: number): Seat {
  const environment = {
    ...{ DATABASE_URL: databaseUrl, BROKER_URL: brokerUrl, PORT: String(port) },
    STORAGE_DIR: join(folder, 'storage'),
    LONGSHORE_BOOTSTRAP_FILE: join(folder, 'keys.json'),
    ...env,
  };
  const isReady = async () => (await fetch(`http://127.0.0.1:${port}/ready`)).ok;
  return seat({ app: 'backend', folder, environment, isReady });
}

function workerSeat(
  { folder, brokerUrl, env }: Place,
  name: ClusterWorker,
  { keys, url }: { keys: Keys; url: string },
): Seat {
  const environment = {
    INTERNAL_API_BASE_URL: `${url}/internal`,
    INTERNAL_SERVICE_API_KEY: keys.service_keys[name]!,
    BROKER_URL: brokerUrl,
    [`${name.toUpperCase().replaceAll('-', '_')}_HEALTH_PORT`]: '0',
    ...env,
  };
  // Executions show soon enough whether a worker works.
  return seat({ app: name, folder, environment, isReady: async () => true });
}

/** @throws when it does not hold within a minute, and with what `over` says as soon as that says something. */
async function until(
  what: string,
  holds: () => Promise<boolean>,
  over: () => string | undefined = () => undefined,
): Promise<void> {
  const deadline = performance.now() + STARTS_WITHIN_MS;
  while (!(await holds().catch(() => false))) {
    const end = over();
    if (end !== undefined) throw new Error(`it will never be that ${what}: ${end}`);
    if (performance.now() > deadline) throw new Error(`not within a minute: ${what}`);
    await pause(LOOK_EVERY_MS);
  }
}

async function areHeardOf(url: string, adminKey: string): Promise<boolean> {
  const answer = await fetch(`${url}/api/v1/workers`, { headers: { authorization: `Bearer ${adminKey}` } });
  const { pools } = (await answer.json()) as WorkersResponse;
  return WORKERS.every((name) => pools.some(({ worker }) => worker === name));
}

interface SeatOptions {
  readonly app: string;
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly isReady: () => Promise<boolean>;
}

function seat({ app, folder, environment, isReady }: SeatOptions): Seat {
  let child: ChildProcess | undefined;
  let said = '';
  const isOver = () => child === undefined || child.exitCode !== null || child.signalCode !== null;
  const end = () =>
    isOver() ? `${app} ended with ${child?.exitCode ?? child?.signalCode}: ${said}` : undefined;
  return {
    pid: () => child!.pid!,
    async start() {
      child = spawn(process.execPath, [join(apps, app, 'src', 'main.ts')], {
        cwd: folder,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...NODE, LONGSHORE_HOME: folder, LONGSHORE_LOG_DIR: folder, ...environment },
      });
      for (const output of [child.stdout!, child.stderr!])
        output.on('data', (text: Buffer) => (said = `${said}${text.toString()}`.slice(-MOST_KEPT)));
      await until(`${app} is ready`, isReady, end);
    },
    async end(signal) {
      if (isOver()) return child?.exitCode ?? null;
      const exited = once(child!, 'exit');
      child!.kill(signal);
      await exited;
      return child!.exitCode;
    },
  };
}

interface Surroundings {
  readonly proxy: RoundRobin;
  readonly postgres: TestPostgres;
  readonly folder: string;
}

async function stopAll(seats: readonly Seat[], { proxy, postgres, folder }: Surroundings): Promise<void> {
  for (const each of seats) await each.end('SIGTERM');
  await proxy.stop();
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}
