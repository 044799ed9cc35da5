import { Cluster } from 'ioredis';
import type { Redis } from 'ioredis';
import { BrokerConfigurationError } from './broker-url.ts';
import type { RedisAddress } from './broker-url.ts';
import type { RedisClient } from './redis-client.ts';
import { refuseFewRights } from './redis-rights.ts';

/**
 * Asks the server, or each node of a cluster, whether it is fit to be a broker.
 * @throws {BrokerConfigurationError} when its settings must be changed.
 * @throws {Error} when it cannot serve at the moment.
 */
export async function refuseUnfit(client: RedisClient, address: RedisAddress): Promise<void> {
  const nodes = client instanceof Cluster ? client.nodes('all') : [client];
  const looks = await Promise.allSettled(nodes.map((node) => lookAt(node, address)));
  const refusals = looks.flatMap((look) => (look.status === 'rejected' ? [look.reason as Error] : []));
  const refusal = refusals.find((reason) => reason instanceof BrokerConfigurationError);
  if (refusal !== undefined) throw refusal;
  // A node of a cluster may be away, as long as another one stands in for it: the question about rights finds out.
  if (refusals[0] !== undefined && !(client instanceof Cluster)) throw refusals[0];
  await refuseFewRights(client, address);
}

async function lookAt(node: Redis, { redis, shown }: RedisAddress): Promise<void> {
  const facts = factsOf(await node.info());
  const where = redis.mode === 'single' ? shown : `port ${facts['tcp_port']} (${shown})`;
  const refuse = (why: string): never => {
    throw new BrokerConfigurationError(`The Redis at ${where} ${why}`);
  };
  if (facts['redis_mode'] === 'sentinel') {
    refuse('is a Sentinel: BROKER_URL is to be redis-sentinel://host:26379,…/name-of-the-master');
  }
  if (facts['cluster_enabled'] === '1' && redis.mode !== 'cluster') {
    refuse('is a node of a Redis Cluster: BROKER_URL is to be redis-cluster://host:6379,…');
  }
  const policy = facts['maxmemory_policy'] ?? 'noeviction';
  if (policy !== 'noeviction') {
    refuse(
      `drops keys when its memory is full (maxmemory-policy is ${policy}), and would drop work. ` +
        'Set "maxmemory-policy noeviction" in redis.conf, or run: redis-cli config set maxmemory-policy noeviction',
    );
  }
  if (facts['role'] === 'slave' && redis.mode === 'single') {
    throw new Error(
      `the Redis at ${where} is a replica of ${facts['master_host']}:${facts['master_port']}, on which nothing can be written: ` +
        'name the master in BROKER_URL, or the Sentinels, who know it (redis-sentinel://)',
    );
  }
}

function factsOf(info: string): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    info.split('\r\n').flatMap((line) => {
      const [, name, value] = /^([a-z_]+):(.*)$/.exec(line) ?? [];
      return name === undefined ? [] : [[name, value]];
    }),
  ) as Record<string, string | undefined>;
}
