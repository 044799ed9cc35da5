import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort, startPostgres } from '@longshore/testing';
import { eventually } from '../testing/http-client.ts';
import type { Entry } from '../failure-modes/real-worker.fixture.ts';

const apps = resolve(import.meta.dirname, '../../..');

/** How a process ended that was told to. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly tookMs: number;
}

/** A backend or a worker, in a process of its own. */
export interface Pod {
  readonly pid: number;
  readonly port: number;
  end(signal: NodeJS.Signals): Promise<Ending>;
}

interface Keys {
  readonly api_key: string;
  readonly service_keys: Readonly<Record<string, string>>;
}

/** Backends behind an address as a service of Kubernetes has one, and general workers whose tasks keep a ledger of their own. */
export async function startFleet() {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-rolling-'));
  const postgres = await startPostgres();
  const databaseUrl = await postgres.createDatabase('truth');
  const brokerUrl = await postgres.createDatabase('broker');
  const service = await startService();
  const ledger = join(folder, 'ledger.jsonl');
  const tasks = join(folder, 'tasks');
  mkdirSync(tasks);
  copyFileSync(
    join(apps, 'backend/src/failure-modes/ledger-tasks.fixture.ts'),
    join(tasks, 'ledger-tasks.ts'),
  );
  const pods: Pod[] = [];
  const start = async (app: string, portVariable: string, env: Readonly<Record<string, string>>) => {
    const port = await freePort();
    const common = { BROKER_URL: brokerUrl, LONGSHORE_HOME: folder, SESSION_TIMEOUT: '60' };
    const pod = startPod(app, port, { ...common, ...env, [portVariable]: String(port) });
    pods.push(pod);
    await eventually(async () => (await fetch(`http://127.0.0.1:${port}/ready`)).ok);
    return pod;
  };
  const keys = () => JSON.parse(readFileSync(join(folder, 'keys.json'), 'utf8')) as Keys;
  return {
    url: service.url,
    service,
    databaseUrl,
    apiKey: () => keys().api_key,
    /** Resolves when it is ready. */
    backend: () =>
      start('backend', 'PORT', {
        ...{ DATABASE_URL: databaseUrl, STORAGE_DIR: join(folder, 'storage') },
        LONGSHORE_BOOTSTRAP_FILE: join(folder, 'keys.json'),
      }),
    worker: () =>
      start('general', 'GENERAL_HEALTH_PORT', {
        ...{ INTERNAL_API_BASE_URL: `${service.url}/internal`, WORKER_CONCURRENCY: '4' },
        ...{
          INTERNAL_SERVICE_API_KEY: keys().service_keys['general']!,
          TASKS_DIR: tasks,
          TASKS_LEDGER: ledger,
        },
      }),
    /** What the tasks wrote down. */
    ledger(): Entry[] {
      if (!existsSync(ledger)) return [];
      const lines = readFileSync(ledger, 'utf8').split('\n').slice(0, -1);
      return lines.map((line) => JSON.parse(line) as Entry);
    },
    async stop() {
      await Promise.all(pods.map((pod) => pod.end('SIGKILL')));
      await service.stop();
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
export type Fleet = Awaited<ReturnType<typeof startFleet>>;

function startPod(app: string, port: number, env: Readonly<Record<string, string>>): Pod {
  const child: ChildProcess = spawn(process.execPath, [join(apps, app, 'src/main.ts')], {
    stdio: 'ignore',
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], ...env },
  });
  const exited = once(child, 'exit');
  return {
    pid: child.pid!,
    port,
    async end(signal) {
      const toldAt = performance.now();
      child.kill(signal);
      await exited;
      return { code: child.exitCode, signal: child.signalCode, tookMs: performance.now() - toldAt };
    },
  };
}

/** Sends each new connection to the next backend, and leaves those that are open where they are, as a service does. */
async function startService() {
  const ports: number[] = [];
  const sockets = new Set<Socket>();
  let next = 0;
  const server = createServer((client) => {
    next += 1;
    const backend = connect(ports[next % ports.length]!, '127.0.0.1');
    for (const [one, other] of [
      [client, backend],
      [backend, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => (sockets.delete(one), other.destroy()));
      one.pipe(other);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    add: (port: number) => void ports.push(port),
    remove: (port: number) => void ports.splice(ports.indexOf(port), 1),
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
