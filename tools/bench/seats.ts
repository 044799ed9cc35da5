import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startEmbeddedPostgres } from '@longshore/embedded-postgres';
import { silentLogger } from '@longshore/runtime';
import { freePort } from '@longshore/testing';
import pg from 'pg';
import { root } from '../src/run-steps.ts';

/** A backend on an embedded PostgreSQL, and workers that are started, ended and killed one by one. */
export interface Place {
  readonly url: string;
  readonly adminKey: string;
  readonly apiKey: string;
  readonly databaseUrl: string;
  /** The database of the truth, to look into. */
  readonly sql: pg.Client;
  readonly backendPid: number;
  /** Starts a worker app; resolves at once. Two of one app are of one pool. */
  startWorker(app: string, env?: Readonly<Record<string, string>>): Worker;
  /** Ends what is left. */
  stop(): Promise<void>;
}

export interface Worker {
  readonly pid: number;
  /** Sends the signal; resolves when the process has ended. */
  end(signal: NodeJS.Signals): Promise<void>;
}

interface Keys {
  readonly api_key: string;
  readonly admin_key: string;
  readonly service_keys: Readonly<Record<string, string>>;
}

const LOOK_EVERY_MS = 5;

export async function startPlace(env: Readonly<Record<string, string>> = {}): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-bench-'));
  const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), logger: silentLogger() });
  const databaseUrl = await postgres.createDatabase({ name: 'truth', role: 'longshore' });
  const brokerUrl = await postgres.createDatabase({ name: 'broker', role: 'longshore_broker' });
  const url = `http://127.0.0.1:${await freePort()}`;
  const surroundings = { BROKER_URL: brokerUrl, LONGSHORE_HOME: folder, LOG_LEVEL: 'WARN' };
  const backend = startApp('backend', folder, {
    ...{ ...surroundings, DATABASE_URL: databaseUrl, PORT: new URL(url).port },
    ...{ STORAGE_DIR: join(folder, 'storage'), LONGSHORE_BOOTSTRAP_FILE: join(folder, 'keys.json') },
    ...env,
  });
  await until('the backend is ready', async () => (await fetch(`${url}/ready`)).ok);
  const keys = JSON.parse(readFileSync(join(folder, 'keys.json'), 'utf8')) as Keys;
  const sql = new pg.Client({ connectionString: databaseUrl });
  await sql.connect();
  const workers = new Set<Worker>();
  return {
    ...{ url, adminKey: keys.admin_key, apiKey: keys.api_key, databaseUrl, sql, backendPid: backend.pid },
    startWorker(app, more = {}) {
      const worker = startApp(app, folder, {
        ...{ ...surroundings, INTERNAL_API_BASE_URL: `${url}/internal` },
        ...{ INTERNAL_SERVICE_API_KEY: keys.service_keys[app]!, [healthPortOf(app)]: '0', ...more },
      });
      workers.add(worker);
      return worker;
    },
    async stop() {
      await sql.end();
      await Promise.all([...workers].map((worker) => worker.end('SIGKILL')));
      await backend.end('SIGTERM');
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** @throws when it does not hold within `withinMs`. */
export async function until(what: string, holds: () => Promise<boolean>, withinMs = 60_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await holds().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs / 1000} s: ${what}`);
    await pause(LOOK_EVERY_MS);
  }
}

const healthPortOf = (app: string) => `${app.toUpperCase().replaceAll('-', '_')}_HEALTH_PORT`;

function startApp(app: string, cwd: string, env: Readonly<Record<string, string>>): Worker {
  const child = spawn(process.execPath, [join(root, 'apps', app, 'src/main.ts')], {
    ...{ cwd, stdio: ['ignore', 'ignore', 'inherit'] },
    env: { PATH: process.env['PATH'], ...env },
  });
  return { pid: child.pid!, end: (signal) => end(child, signal) };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}
