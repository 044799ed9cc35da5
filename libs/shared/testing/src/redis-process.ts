import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';

/** One `redis-server` process on a port of 127.0.0.1, which can be ended and started again there. */
export interface RedisProcess {
  readonly port: number;
  /** One command; the first line of the reply. Rejects with what the server says against it. */
  command(...words: string[]): Promise<string>;
  /** One command with a short reply of several lines. */
  text(...words: string[]): Promise<string>;
  kill9(): Promise<void>;
  /** SIGSTOP: connections stay open, and nobody answers. */
  freeze(): void;
  /** SIGCONT. */
  thaw(): void;
  /** Starts it again as it was started first, after `kill9` or while it runs. */
  restart(): Promise<void>;
  /** SIGKILL, and its folder is removed. */
  stop(): Promise<void>;
}

/** Nothing is kept on disk, and nothing is dropped. */
export const REDIS_SETTINGS = ['--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'];

const STARTS_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 10;

interface LaunchOptions {
  /** After the port and the folder, as on the command line. */
  readonly settings?: readonly string[];
  /** Written into a configuration file anew at each start: Sentinels want one. */
  readonly file?: string;
}

/** Starts one on a free port; resolves when it answers. */
export async function launchRedis({
  settings = REDIS_SETTINGS,
  file,
}: LaunchOptions = {}): Promise<RedisProcess> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'longshore-redis-'));
  const launch = async (): Promise<ChildProcess> => {
    await mkdir(folder, { recursive: true });
    const configuration = join(folder, 'redis.conf');
    if (file !== undefined) await writeFile(configuration, file);
    const where = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder];
    const options = [...(file === undefined ? [] : [configuration]), ...where, ...settings];
    const child = spawn('redis-server', options, { stdio: 'ignore' });
    // Whoever answers on this port must not be another one, which took it first.
    const ended = once(child, 'exit').then(() =>
      Promise.reject(new Error(`redis-server did not start on port ${port}`)),
    );
    await Promise.race([answers(port), ended]);
    ended.catch(() => undefined);
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
    port,
    command: (...words) => ask(port, words),
    text: (...words) => reply(port, words),
    kill9: () => end('SIGKILL'),
    freeze: () => void server.kill('SIGSTOP'),
    thaw: () => void server.kill('SIGCONT'),
    restart: async () => {
      await end('SIGKILL');
      server = await launch();
    },
    stop: async () => {
      await end('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** One command on a connection of its own, in the protocol of Redis; the first line of the reply. */
export async function ask(port: number, words: readonly string[]): Promise<string> {
  const line = (await reply(port, words)).split('\r\n', 1)[0] ?? '';
  if (line.startsWith('-')) throw new Error(line.slice(1));
  return line.replace(/^[+:]/, '');
}

async function reply(port: number, words: readonly string[]): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect');
    const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    socket.write(`*${words.length}\r\n${parts.join('')}`);
    const [said] = (await once(socket, 'data')) as [Buffer];
    return said.toString();
  } finally {
    socket.destroy();
  }
}

/** Resolves when the server on this port answers a ping. */
export async function answers(port: number): Promise<void> {
  await redisHolds(`Redis on port ${port} answers`, async () => (await ask(port, ['PING'])) === 'PONG');
}

/** Waits until it holds; a look that rejects says "not yet". */
export async function redisHolds(what: string, holds: () => Promise<boolean>): Promise<void> {
  const until = performance.now() + STARTS_WITHIN_MS;
  while (!(await holds().catch(() => false))) {
    if (performance.now() > until) throw new Error(`not within ${STARTS_WITHIN_MS / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
