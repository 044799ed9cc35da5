import { createRedisBackend, withBackend } from 'bullmq';
import type { BackendOptions, BrokerBackend, DispatchQueue } from './backend.ts';
import { NotConnectedError, PRODUCER_TIMEOUT_MS, WORKER_OPTIONS } from './backend.ts';
import type { RedisAddress } from './broker-url.ts';
import { connectRedis } from './redis-client.ts';
import type { RedisClient } from './redis-client.ts';
import { whyUnreachable } from './redis-diagnosis.ts';
import { refuseUnfit } from './redis-fitness.ts';
import { KEY_PREFIX } from './redis-rights.ts';

const Bull = withBackend(createRedisBackend);

type RedisBackendOptions = BackendOptions & { readonly address: RedisAddress };

/** The broker on Redis: one connection for all queues of a publisher, two for a worker; on a cluster one to each node. */
export function openRedis({ address, role, onError }: RedisBackendOptions): BrokerBackend {
  const client = connectRedis(address, role);
  client.on('error', onError);
  // Each queue listens on the shared connection, and raises this bound by what it needs: 0, which means none too, would become a low one.
  client.setMaxListeners(Infinity);
  let blocking: Promise<Connection> | undefined;
  let ended = false;
  let connections = 0;
  client.on('ready', () => (connections += 1));
  const probe = async (): Promise<void> => {
    await beingConnected(client);
    if (client.status === 'ready') return refuseUnfit(client, address);
    if (address.redis.mode === 'single') throw new NotConnectedError(address.shown, address.redis.tls);
    const what =
      address.redis.mode === 'sentinel' ? 'no master is found through its Sentinels' : 'no node serves us';
    throw new Error(`${what}: ${await whyUnreachable(address.redis)}`);
  };
  // Another server may stand behind the same address each time: a replica that was promoted, with settings of its own.
  client.on(
    'ready',
    () => void refuseUnfit(client, address).catch((error) => ended || onError(error as Error)),
  );
  return {
    queue: (name) => openQueue(name, client, onError),
    worker: (name, processor, concurrency) => {
      const options = { ...WORKER_OPTIONS, connection: client, prefix: KEY_PREFIX, concurrency };
      const worker = new Bull.Worker(name, processor, options).on('error', onError);
      blocking = worker.getBackend().blockingClient;
      return worker;
    },
    probe,
    connected: () => client.status === 'ready',
    connections: () => connections,
    destroy: () => {
      ended = true;
      end(client);
      blocking?.then(end, onError);
    },
  };
}

function openQueue(name: string, client: RedisClient, onError: (error: Error) => void): DispatchQueue {
  const queue = new Bull.Queue(name, {
    ...{ connection: client, prefix: KEY_PREFIX },
    ...{ skipVersionCheck: true, skipWaitingForReady: true, skipMetasUpdate: true },
  });
  queue.on('error', onError);
  return {
    addBulk: async (jobs) => {
      await beingConnected(client);
      const [first, ...more] = jobs;
      // Several travel as a transaction around the script of each; one needs none.
      if (first === undefined || more.length > 0) return queue.addBulk(jobs);
      return queue.add(first.name, first.data, first.opts);
    },
    getJobState: async (id) => {
      await beingConnected(client);
      return queue.getJobState(id);
    },
    setMeta: async (values) => {
      await beingConnected(client);
      return queue.getBackend().setQueueMeta(values);
    },
    getMeta: async (field) => {
      await beingConnected(client);
      return queue.getBackend().getQueueMetaField(field);
    },
    close: () => queue.close(),
  };
}

type Connection = { readonly status: string; disconnect(): void };

function end(connection: Connection): void {
  if (connection.status !== 'end') connection.disconnect();
}

/**
 * Waits while a connection is being made, which a producer's commands would not outlive. One that was lost, and is not
 * being made anew at this moment, is not waited for.
 */
async function beingConnected(client: RedisClient): Promise<void> {
  if (client.status !== 'connecting' && client.status !== 'connect') return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const events = ['ready', 'close', 'end', 'error'];
  for (const event of events) client.once(event, resolve);
  // Sentinels may be asked in vain for ever without an event.
  const tooLong = setTimeout(resolve, PRODUCER_TIMEOUT_MS);
  await promise;
  clearTimeout(tooLong);
  for (const event of events) client.off(event, resolve);
}
