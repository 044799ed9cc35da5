import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@longshore/embedded-postgres';
import { silentLogger } from '@longshore/runtime';
import { root } from '../src/run-steps.ts';
import type { Target } from './load.ts';

/** A platform started by `longshore up`, on a PostgreSQL server whose address the measurement knows. */
export interface MeasuredPlatform extends Target {
  readonly adminKey: string;
  readonly pid: number;
  readonly databaseUrl: string;
  /** From the command to its ready line, ms. */
  readonly readyMs: number;
  stop(): Promise<void>;
}

export interface PlatformChoice {
  /** Redis as the broker; else PostgreSQL. */
  readonly redisUrl?: string;
  readonly concurrency: number;
  /** The `longshore` that is measured. Default: that of the sources. */
  readonly program?: string;
}

export async function startMeasuredPlatform({
  redisUrl,
  concurrency,
  program = 'apps/cli/src/main.ts',
}: PlatformChoice): Promise<MeasuredPlatform> {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-bench-'));
  const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), logger: silentLogger() });
  const databaseUrl = await postgres.createDatabase({ name: 'truth', role: 'longshore' });
  const brokerUrl = redisUrl ?? (await postgres.createDatabase({ name: 'broker', role: 'longshore_broker' }));
  const started = performance.now();
  const child = spawn(process.execPath, [program, 'up', '--json'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      DATABASE_URL: databaseUrl,
      BROKER_URL: brokerUrl,
      LONGSHORE_HOME: join(folder, 'home'),
      PORT: '0',
      WORKER_CONCURRENCY: String(concurrency),
      MAX_PARALLEL_FILES: '20',
      MAX_UNFINISHED_EXECUTIONS: '100000',
      MAX_UNFINISHED_EXECUTIONS_PER_ORGANISATION: '100000',
    },
  });
  const ready = await readyLine(child);
  return {
    url: ready.url,
    apiKey: ready.api_key,
    adminKey: ready.admin_key,
    pid: child.pid!,
    databaseUrl,
    readyMs: performance.now() - started,
    stop: () => stop(child, postgres, folder),
  };
}

interface ReadyLine {
  url: string;
  api_key: string;
  admin_key: string;
}

function readyLine(child: ChildProcess): Promise<ReadyLine> {
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout! }).once('line', (line) => resolve(JSON.parse(line) as ReadyLine));
    child.once('exit', (code) => reject(new Error(`longshore up ended with ${code} before it was ready`)));
  });
}

async function stop(child: ChildProcess, postgres: EmbeddedPostgres, folder: string): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGINT');
  await ended;
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}
