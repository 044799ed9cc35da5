import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A real Redis of the test's own, empty at first, that keeps nothing on disk. */
export interface TestRedis {
  readonly url: string;
  readonly port: number;
  /** Ends it and removes what it left behind. */
  stop(): Promise<void>;
  /** SIGKILL, as the kernel does when memory runs out. */
  kill9(): Promise<void>;
  /** Starts it again on the same port, empty, after `kill9` or while it runs. */
  restart(): Promise<void>;
  flushAll(): Promise<void>;
  /** Any other command: `command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')`. The first line of the reply. */
  command(...words: string[]): Promise<string>;
}

/** Neither a `redis-server` on the PATH nor a Docker engine: the suite cannot run here, and must say so. */
export class RedisNotAvailableError extends Error {
  override readonly name = 'RedisNotAvailableError';
}

const SETTINGS = ['--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'];
const IMAGE = 'redis:7-alpine';
const STARTS_WITHIN_MS = 10_000;

/**
 * Starts a Redis on a free port of 127.0.0.1: the `redis-server` of the PATH, else one in a Docker engine.
 * @throws {RedisNotAvailableError}
 */
export async function startRedis(): Promise<TestRedis> {
  return (await hasProgram('redis-server')) ? startServer() : startContainer();
}

/** Whether {@link startRedis} can work here; a suite that needs it is skipped by name when not. */
export async function redisIsAvailable(): Promise<boolean> {
  return (await hasProgram('redis-server')) || (await succeeds('docker', ['info', '--format', '{{.ID}}']));
}

async function startServer(): Promise<TestRedis> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'longshore-redis-'));
  const launch = async (): Promise<ChildProcess> => {
    const options = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, ...SETTINGS];
    const child = spawn('redis-server', options, { stdio: 'ignore' });
    await answers(port);
    return child;
  };
  let server = await launch();
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, 'exit');
    server.kill(signal);
    await exited;
  };
  return {
    ...commandsOn(port),
    kill9: () => end('SIGKILL'),
    restart: async () => {
      await end('SIGTERM');
      server = await launch();
    },
    stop: async () => {
      await end('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function startContainer(): Promise<TestRedis> {
  const port = await freePort();
  // Loaded only when it is needed: it takes half a second.
  const { GenericContainer } = await import('testcontainers');
  const launch = async () =>
    new GenericContainer(IMAGE)
      .withCommand(['redis-server', ...SETTINGS])
      .withExposedPorts({ container: 6379, host: port })
      .start();
  let container = await launch().catch((error: unknown) => {
    throw new RedisNotAvailableError('There is no redis-server on the PATH and no Docker engine', {
      cause: error,
    });
  });
  await answers(port);
  const end = async (): Promise<void> => void (await container.stop({ timeout: 0 }));
  return {
    ...commandsOn(port),
    kill9: end,
    restart: async () => {
      await end().catch(() => undefined);
      container = await launch();
      await answers(port);
    },
    stop: end,
  };
}

function commandsOn(port: number): Pick<TestRedis, 'url' | 'port' | 'flushAll' | 'command'> {
  const command = (...words: string[]): Promise<string> => ask(port, words);
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    command,
    flushAll: async () => void (await command('FLUSHALL')),
  };
}

/** One command on a connection of its own, in the protocol of Redis. */
async function ask(port: number, words: readonly string[]): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect');
    const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    socket.write(`*${words.length}\r\n${parts.join('')}`);
    const [reply] = (await once(socket, 'data')) as [Buffer];
    const line = reply.toString().split('\r\n', 1)[0] ?? '';
    if (line.startsWith('-')) throw new Error(line.slice(1));
    return line.replace(/^[+:]/, '');
  } finally {
    socket.destroy();
  }
}

async function answers(port: number): Promise<void> {
  const until = performance.now() + STARTS_WITHIN_MS;
  for (;;) {
    const reply = await ask(port, ['PING']).catch((error: unknown) => error);
    if (reply === 'PONG') return;
    if (performance.now() > until) throw new Error(`Redis on port ${port} does not answer`, { cause: reply });
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function hasProgram(name: string): Promise<boolean> {
  return succeeds(name, ['--version']);
}

async function succeeds(program: string, words: readonly string[]): Promise<boolean> {
  try {
    await promisify(execFile)(program, words);
    return true;
  } catch {
    return false;
  }
}
