import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { coreWorkerNames, type CoreWorkerName } from '@longshore/contracts';
import { freePort } from '@longshore/testing';
import { prepareDeployment } from '../measure.ts';
import type { Servers } from '../runs/servers.ts';

/** A backend with a deployment, on Redis, whose workers are started by the measurement. All are bundles. */
export interface Stage {
  readonly url: string;
  readonly apiKey: string;
  readonly backendPid: number;
  /** Resolves when it takes work. */
  start(
    kinds: readonly CoreWorkerName[],
    how: 'separate' | 'packed',
    env?: NodeJS.ProcessEnv,
  ): Promise<Started[]>;
  stop(): Promise<void>;
}

export interface Started {
  readonly pid: number;
  /** Of its health server. */
  readonly port: number;
  end(): Promise<void>;
}

interface Keys {
  readonly api_key: string;
  readonly admin_key: string;
  readonly service_keys: Readonly<Record<string, string>>;
}

const READY_WITHIN_MS = 60_000;

export async function openStage(servers: Servers, bundles: string): Promise<Stage> {
  const folder = join(servers.folder, `stage-${Date.now()}`);
  await mkdir(join(folder, 'keys'), { recursive: true });
  const url = `http://127.0.0.1:${await freePort()}`;
  const base = { PATH: process.env['PATH'], BROKER_URL: servers.redis.url, LONGSHORE_HOME: folder };
  const common = { ...base, LONGSHORE_PARENT_PIPE: 'true' };
  const credentials = join(folder, 'credentials.json');
  const backend = startNode(join(bundles, 'backend/main.js'), {
    ...{ ...common, DATABASE_URL: await servers.database(), PORT: new URL(url).port, LOG_LEVEL: 'WARN' },
    ...{ STORAGE_DIR: join(folder, 'storage'), LONGSHORE_BOOTSTRAP_FILE: credentials },
  });
  await answers(`${url}/ready`);
  const keys = JSON.parse(await readFile(credentials, 'utf8')) as Keys;
  for (const name of coreWorkerNames) await writeFile(join(folder, 'keys', name), keys.service_keys[name]!);
  await prepareDeployment({ url, adminKey: keys.admin_key });
  const workerEnv = { ...common, INTERNAL_API_BASE_URL: `${url}/internal` };

  const startOne = async (program: string, kinds: readonly CoreWorkerName[], env: NodeJS.ProcessEnv) => {
    const [first = 'general'] = kinds;
    const port = await freePort();
    const key = join(folder, 'keys', program === 'packed' ? '<worker>' : first);
    const healthPort = { [`${first.toUpperCase().replaceAll('-', '_')}_HEALTH_PORT`]: String(port) };
    const child = startNode(
      join(bundles, program, 'main.js'),
      { ...workerEnv, INTERNAL_SERVICE_API_KEY_FILE: key, ...healthPort, ...env },
      program === 'packed' ? kinds : [],
    );
    await takesWork(child, kinds.length);
    return { pid: child.pid!, port, end: () => end(child) };
  };
  return {
    ...{ url, apiKey: keys.api_key, backendPid: backend.pid! },
    start: (kinds, how, env = {}) =>
      how === 'packed'
        ? Promise.all([startOne('packed', kinds, env)])
        : Promise.all(kinds.map((kind) => startOne(kind, [kind], env))),
    stop: () => end(backend),
  };
}

function startNode(program: string, env: NodeJS.ProcessEnv, args: readonly string[] = []): ChildProcess {
  const options = { env, stdio: ['pipe', 'pipe', 'inherit'] as const };
  return spawn(process.execPath, [program, ...args], { ...options, stdio: [...options.stdio] });
}

/** Reads its log until each of its kinds says so. */
function takesWork(child: ChildProcess, kinds: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let left = kinds;
  const lines = createInterface({ input: child.stdout! });
  lines.on('line', (line) => {
    if (line.includes('"worker takes work"') && --left === 0) resolve();
  });
  child.once('exit', (code) => reject(new Error(`a worker ended with ${code} before it took work`)));
  return promise;
}

async function answers(url: string): Promise<void> {
  const by = performance.now() + READY_WITHIN_MS;
  for (;;) {
    const ok = await fetch(url).then(
      (answer) => answer.ok,
      () => false,
    );
    if (ok) return;
    if (performance.now() > by) throw new Error(`${url} did not answer within ${READY_WITHIN_MS / 1000} s`);
    await sleep(25);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}
