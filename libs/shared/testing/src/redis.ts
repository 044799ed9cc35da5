import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';
import { answers, ask, launchRedis, REDIS_SETTINGS } from './redis-process.ts';

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

const IMAGE = 'redis:7.4.11-alpine';

/**
 * Starts a Redis on a free port of 127.0.0.1: the `redis-server` of the PATH, else one in a Docker engine.
 * `settings` are added to its command line.
 * @throws {RedisNotAvailableError}
 */
export async function startRedis(settings: readonly string[] = []): Promise<TestRedis> {
  return (await hasProgram('redis-server')) ? startServer(settings) : startContainer(settings);
}

/** Whether Sentinels and clusters of real processes can be started here. */
export function redisServerIsInstalled(): Promise<boolean> {
  return hasProgram('redis-server');
}

/** Whether {@link startRedis} can work here; a suite that needs it is skipped by name when not. */
export async function redisIsAvailable(): Promise<boolean> {
  return (await hasProgram('redis-server')) || (await succeeds('docker', ['info', '--format', '{{.ID}}']));
}

async function startServer(settings: readonly string[]): Promise<TestRedis> {
  const server = await launchRedis({ settings: [...REDIS_SETTINGS, ...settings] });
  const { kill9, restart, stop } = server;
  return { ...commandsOn(server.port), kill9, restart, stop };
}

async function startContainer(settings: readonly string[]): Promise<TestRedis> {
  const port = await freePort();
  // Loaded only when it is needed: it takes half a second.
  const { GenericContainer } = await import('testcontainers');
  const launch = async () =>
    new GenericContainer(IMAGE)
      .withCommand(['redis-server', ...REDIS_SETTINGS, ...settings])
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
