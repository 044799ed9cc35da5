import { Cluster, Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import type { BackendOptions } from './backend.ts';
import { PRODUCER_TIMEOUT_MS, SOCKET_TIMEOUT_MS } from './backend.ts';
import type { RedisAddress } from './broker-url.ts';
import { tlsOptions } from './redis-tls.ts';

export type RedisClient = Redis | Cluster;

const CONNECT_TIMEOUT_MS = 5_000;

const retryDelay = (times: number) => Math.min(2_000, 50 * 2 ** times) * (0.5 + Math.random() / 2);

const EVERYONE = {
  connectTimeout: CONNECT_TIMEOUT_MS,
  disconnectTimeout: 500,
  socketTimeout: SOCKET_TIMEOUT_MS,
  // After a failover the old primary stays reachable and read-only.
  reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
} satisfies RedisOptions;

const OF_ROLE = {
  producer: { ...EVERYONE, maxRetriesPerRequest: 0, commandTimeout: PRODUCER_TIMEOUT_MS },
  consumer: { ...EVERYONE, maxRetriesPerRequest: null },
} satisfies Record<BackendOptions['role'], RedisOptions>;

/** A Sentinel that froze is passed over, and the next one asked. */
const SENTINEL = {
  sentinelRetryStrategy: (times: number) => Math.min(2_000, 100 * times),
  sentinelCommandTimeout: 2_000,
  sentinelReconnectStrategy: () => 10_000,
  // Told of a failover, a connection leaves a master that froze instead of closing.
  failoverDetector: true,
  enableTLSForSentinelMode: true,
} satisfies RedisOptions;

const CLUSTER = {
  slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
  clusterRetryStrategy: retryDelay,
  // Names are looked up when connecting, not before: certificates are made out to names.
  dnsLookup: (address: string, found: (error: null, address: string) => void) => found(null, address),
};

/**
 * Connects to the Redis, and goes on trying for ever. A producer's commands fail within seconds while it is away; those of
 * a consumer wait.
 * @throws {BrokerConfigurationError} when a certificate cannot be used.
 */
export function connectRedis({ redis }: RedisAddress, role: BackendOptions['role']): RedisClient {
  const { mode, hosts, username, password, db, master, settings } = redis;
  const tls = tlsOptions(redis);
  const options = {
    ...OF_ROLE[role],
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls !== undefined && { tls }),
  };
  const enableOfflineQueue = role === 'consumer';
  if (mode === 'cluster') {
    return new Cluster([...hosts], { ...CLUSTER, enableOfflineQueue, redisOptions: options });
  }
  const single = { ...options, enableOfflineQueue, db, retryStrategy: retryDelay };
  if (mode === 'single') return new Redis({ ...single, ...hosts[0] });
  return new Redis({
    ...single,
    ...SENTINEL,
    sentinels: [...hosts],
    name: master,
    sentinelUsername: settings.sentinel_username,
    sentinelPassword: settings.sentinel_password,
    sentinelTLS: tls,
  });
}
