import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@longshore/testing';
import { root } from '../../src/run-steps.ts';
import type { PublicApi } from './public-api.ts';
import { connected } from './servers.ts';

/** A platform of backends and general workers in processes of their own, whose database the measurement may look into. */
export interface Instance {
  readonly databaseUrl: string;
  /** Of the backends. */
  readonly urls: readonly string[];
  readonly adminKey: string;
  /** The first backend, as clients see it. */
  readonly api: PublicApi;
  /** The pool of the workers. */
  readonly pool: string;
  stop(): Promise<void>;
}

export interface InstanceOptions {
  /** Keeps keys and files; those of one database must always get the same. */
  readonly folder: string;
  readonly databaseUrl: string;
  readonly brokerUrl: string;
  readonly backends?: number;
  readonly workers?: number;
  readonly concurrency: number;
  readonly profile?: string | undefined;
  /** Folders of task files that the workers load beside those of this bench. */
  readonly taskFolders?: readonly string[];
  /** Done once the tables are there and before a worker is. */
  readonly prepare?: (databaseUrl: string) => Promise<void>;
}

const READY_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 25;
const ENDS_WITHIN_MS = 30_000;

interface Credentials {
  readonly api_key: string;
  readonly admin_key: string;
  readonly service_keys: Readonly<Record<string, string>>;
}

/** Starts backends, then workers. Resolves when every worker is registered and a backend leads their pool. */
export async function startInstance(options: InstanceOptions): Promise<Instance> {
  const { databaseUrl, folder, backends = 1, workers = 1 } = options;
  const children: ChildProcess[] = [];
  const stop = async () => {
    for (const child of children.splice(0).reverse()) await ended(child);
  };
  try {
    const urls: string[] = [];
    for (let i = 0; i < backends; i += 1) urls.push(await startBackend(options, children));
    await options.prepare?.(databaseUrl);
    const file = await readFile(join(folder, 'credentials.json'), 'utf8');
    const credentials = JSON.parse(file) as Credentials;
    for (let i = 0; i < workers; i += 1)
      children.push(startWorker(options, urls[i % urls.length]!, credentials.service_keys['general']!));
    const pool = await poolOf(databaseUrl, workers, children);
    const api = { url: urls[0]!, apiKey: credentials.api_key };
    return { databaseUrl, urls, adminKey: credentials.admin_key, api, pool, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startBackend(options: InstanceOptions, children: ChildProcess[]): Promise<string> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = startNode('apps/backend/src/main.ts', options, {
    PORT: String(port),
    DATABASE_URL: options.databaseUrl,
    STORAGE_DIR: join(options.folder, 'storage'),
    LONGSHORE_BOOTSTRAP_FILE: join(options.folder, 'credentials.json'),
    MAX_WAITING_RUNS: '100000000',
  });
  children.push(child);
  await until(`the backend at ${url}`, [child], async () =>
    fetch(`${url}/ready`).then(
      async (response) => (await response.arrayBuffer(), response.ok),
      () => false,
    ),
  );
  return url;
}

function startWorker(options: InstanceOptions, backendUrl: string, key: string): ChildProcess {
  return startNode('apps/general/src/main.ts', options, {
    INTERNAL_API_BASE_URL: `${backendUrl}/internal`,
    INTERNAL_SERVICE_API_KEY: key,
    GENERAL_HEALTH_PORT: '0',
    TASKS_DIR: [join(import.meta.dirname, 'tasks'), ...(options.taskFolders ?? [])].join(','),
    WORKER_CONCURRENCY: String(options.concurrency),
  });
}

/** As `longshore up` starts them: they write their log to files and end with this process. */
function startNode(program: string, options: InstanceOptions, env: Record<string, string>): ChildProcess {
  const { profile } = options;
  const flags = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  return spawn(process.execPath, [...flags, program], {
    cwd: root,
    stdio: ['pipe', 'ignore', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      BROKER_URL: options.brokerUrl,
      HOST: '127.0.0.1',
      LOG_LEVEL: 'INFO',
      LONGSHORE_HOME: join(options.folder, 'home'),
      LONGSHORE_LOG_DIR: join(options.folder, 'logs'),
      LONGSHORE_PARENT_PIPE: 'true',
      ...env,
    },
  });
}

/** The pool of the workers, once they are all there and it is led. */
async function poolOf(databaseUrl: string, workers: number, children: readonly ChildProcess[]) {
  let pool: string | undefined;
  await connected(databaseUrl, (client) =>
    until('the workers', children, async () => {
      const { rows } = await client.query<{ pool: string }>(
        `select s.pool from sessions s join pool_leases l on l.pool = s.pool and l.expires_at > now()
          where s.ended_at is null and s.seen_at > now() - interval '15 seconds'`,
      );
      pool = rows[0]?.pool;
      return rows.length >= workers;
    }),
  );
  return pool!;
}

async function until(what: string, children: readonly ChildProcess[], isSo: () => Promise<boolean>) {
  const by = performance.now() + READY_WITHIN_MS;
  while (!(await isSo())) {
    if (children.some((child) => child.exitCode !== null)) throw new Error(`${what}: a process ended early`);
    if (performance.now() > by) throw new Error(`${what} took longer than ${READY_WITHIN_MS / 1000} s`);
    await sleep(LOOK_EVERY_MS);
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const kill = setTimeout(() => child.kill('SIGKILL'), ENDS_WITHIN_MS);
  await exited;
  clearTimeout(kill);
}

/** A folder for one database's keys and files. */
export function instanceFolder(folder: string): Promise<string> {
  return mkdtemp(join(folder, 'instance-'));
}
