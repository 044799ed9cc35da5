import { Redis } from 'ioredis';
import type { HostAndPort, RedisPlace } from '@longshore/runtime';
import { tlsOptions } from './redis-tls.ts';

const ASK_WITHIN_MS = 2_000;

/** Asks each Sentinel, or each node of a cluster, what is wrong: a client only says that all of them failed. */
export async function whyUnreachable(redis: RedisPlace): Promise<string> {
  const said = redis.hosts.map(async (each) => `${each.host}:${each.port} ${await saidBy(each, redis)}`);
  return (await Promise.all(said)).join(', ');
}

async function saidBy(host: HostAndPort, redis: RedisPlace): Promise<string> {
  const { username, password, settings, mode } = redis;
  const user =
    mode === 'sentinel'
      ? { username: settings.sentinel_username, password: settings.sentinel_password }
      : { username, password };
  const client = new Redis({
    ...{ ...host, ...user, tls: tlsOptions(redis), lazyConnect: true, enableReadyCheck: false },
    ...{ retryStrategy: null, connectTimeout: ASK_WITHIN_MS, commandTimeout: ASK_WITHIN_MS },
  });
  const complaints: Error[] = [];
  client.on('error', (error) => void complaints.push(error));
  try {
    return mode === 'sentinel' ? await masterNamedBy(client, redis.master ?? '') : await stateToldBy(client);
  } catch (error) {
    return `says ${(complaints[0] ?? (error as Error)).message}`;
  } finally {
    client.disconnect();
  }
}

async function masterNamedBy(sentinel: Redis, name: string): Promise<string> {
  const master = (await sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name)) as string[] | null;
  return master === null ? `knows no master "${name}"` : `names ${master.join(':')}, which does not answer`;
}

async function stateToldBy(node: Redis): Promise<string> {
  const info = (await node.call('CLUSTER', 'INFO')) as string;
  return `says ${/cluster_state:\w+/.exec(info)?.[0] ?? 'nothing of its state'}`;
}
