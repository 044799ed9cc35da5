import { createRedisBackend, withBackend } from 'bullmq';
import { Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import type { BackendOptions, BrokerBackend } from './backend.ts';
import { PRODUCER_TIMEOUT_MS, SOCKET_TIMEOUT_MS, WORKER_OPTIONS } from './backend.ts';
import { BrokerConfigurationError } from './broker-url.ts';

const Bull = withBackend(createRedisBackend);

/** The braces are a hash tag: on a Redis Cluster all keys of a queue then lie in one slot. */
const PREFIX = '{longshore}';

const EVERYONE = {
  connectTimeout: 5_000,
  disconnectTimeout: 500,
  socketTimeout: SOCKET_TIMEOUT_MS,
  retryStrategy: (times: number) => Math.min(2_000, 50 * 2 ** times) * (0.5 + Math.random() / 2),
  // After a failover the old primary stays reachable and read-only.
  reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
} satisfies RedisOptions;

const PRODUCER = {
  ...EVERYONE,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  commandTimeout: PRODUCER_TIMEOUT_MS,
} satisfies RedisOptions;

const CONSUMER = { ...EVERYONE, maxRetriesPerRequest: null } satisfies RedisOptions;

/** The broker on Redis: one connection for all queues of a publisher, two for a worker. */
export function openRedis({ address, role, onError }: BackendOptions): BrokerBackend {
  const client = new Redis(address.url, role === 'producer' ? PRODUCER : CONSUMER);
  client.on('error', onError);
  // Each queue listens on the shared connection.
  client.setMaxListeners(0);
  let blocking: Promise<Connection> | undefined;
  return {
    queue: (name) => {
      const options = {
        connection: client,
        prefix: PREFIX,
        skipVersionCheck: true,
        skipWaitingForReady: true,
      };
      const queue = new Bull.Queue(name, { ...options, skipMetasUpdate: true });
      queue.on('error', onError);
      return {
        addBulk: async (jobs) => {
          await firstConnection(client);
          return queue.addBulk(jobs);
        },
        getJobState: async (id) => {
          await firstConnection(client);
          return queue.getJobState(id);
        },
        setMeta: (values) => queue.getBackend().setQueueMeta(values),
        close: () => queue.close(),
      };
    },
    worker: (name, processor, concurrency) => {
      const options = { ...WORKER_OPTIONS, connection: client, prefix: PREFIX, concurrency };
      const worker = new Bull.Worker(name, processor, options).on('error', onError);
      blocking = worker.getBackend().blockingClient;
      return worker;
    },
    probe: async () => {
      await firstConnection(client);
      if (client.status !== 'ready') throw new Error(`the broker at ${address.shown} is not reachable`);
      refuseEviction(await client.info('memory'), address.shown);
    },
    connected: () => client.status === 'ready',
    destroy: () => {
      end(client);
      blocking?.then(end, onError);
    },
  };
}

type Connection = { readonly status: string; disconnect(): void };

function end(connection: Connection): void {
  if (connection.status !== 'end') connection.disconnect();
}

/**
 * Waits while the very first connection is being made, which a producer's commands would not outlive. A connection
 * that was lost is not waited for.
 */
async function firstConnection(client: Redis): Promise<void> {
  if (client.status !== 'connecting' && client.status !== 'connect') return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const events = ['ready', 'close', 'end'];
  for (const event of events) client.once(event, resolve);
  await promise;
  for (const event of events) client.off(event, resolve);
}

function refuseEviction(memoryInfo: string, shown: string): void {
  const policy = /^maxmemory_policy:(\S+)/m.exec(memoryInfo)?.[1];
  if (policy === undefined || policy === 'noeviction') return;
  throw new BrokerConfigurationError(
    `The Redis at ${shown} drops keys when its memory is full (maxmemory-policy is ${policy}), and would drop work. ` +
      'Set "maxmemory-policy noeviction" in redis.conf, or run: redis-cli config set maxmemory-policy noeviction',
  );
}
