import { afterEach, beforeAll, afterAll, describe, expect, it } from '@jest/globals';
import type { TestRedis, TestRedisCluster, TestRedisSentinel } from '@longshore/testing';
import {
  redisServerIsInstalled,
  startFaultProxy,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
} from '@longshore/testing';
import { openFlow, saidAtStart, someMessage, until } from './flow.fixture.ts';
import { KEY_PREFIX } from './redis-rights.ts';

const withServers = (await redisServerIsInstalled()) ? describe : describe.skip;
const LONG_MS = 90_000;

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function flowOn(url: string) {
  const flow = await openFlow(url);
  cleanups.push(flow.close);
  return flow;
}

withServers('work goes on by itself when Redis', () => {
  it('fails over from a master that was killed, by Sentinel', async () => {
    const sentinel = await startSentinel();
    const flow = await flowOn(sentinel.url);
    await flow.delivers();
    const master = await sentinel.master();
    await master.kill9();
    await flow.delivers();
    expect(await sentinel.failedOver(master)).not.toBe(master);
  });

  it('fails over from a master that froze and comes back as if nothing had been, by Sentinel', async () => {
    const sentinel = await startSentinel();
    const flow = await flowOn(sentinel.url);
    const master = await sentinel.master();
    master.freeze();
    cleanups.push(async () => master.thaw());
    await sentinel.failedOver(master);
    await flow.delivers();
    master.thaw();
    await flow.delivers();
  });

  it('loses all its Sentinels for a while, and its master with them', async () => {
    const sentinel = await startSentinel();
    const flow = await flowOn(sentinel.url);
    await flow.delivers();
    await sentinel.kill9();
    await expect(flow.publish(someMessage())).rejects.toThrow(/broker/);
    await sentinel.restart();
    await flow.delivers();
  });

  it('is a cluster that loses the node which holds our keys', async () => {
    const cluster = await startRedisCluster();
    cleanups.push(cluster.stop);
    const flow = await flowOn(cluster.url);
    await flow.delivers();
    const master = await cluster.masterOf(`${KEY_PREFIX}:any`);
    await master.kill9();
    await flow.delivers();
    expect(await cluster.masterOf(`${KEY_PREFIX}:any`)).not.toBe(master);
  });

  async function startSentinel(): Promise<TestRedisSentinel> {
    const sentinel = await startRedisSentinel();
    cleanups.push(sentinel.stop);
    return sentinel;
  }
});

withServers('a single Redis', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis?.stop());

  it('that is full refuses with the reason, and delivers again as soon as it has room', async () => {
    const flow = await flowOn(redis.url);
    await redis.command('CONFIG', 'SET', 'maxmemory', '1');
    cleanups.push(() => redis.command('CONFIG', 'SET', 'maxmemory', '0'));
    await expect(flow.publish(someMessage())).rejects.toThrow(/broker is full.*raise maxmemory/s);
    await redis.command('CONFIG', 'SET', 'maxmemory', '0');
    await flow.delivers();
  });

  it('that becomes a read-only replica refuses with the reason, and delivers again as a master', async () => {
    const flow = await flowOn(redis.url);
    await redis.command('REPLICAOF', '127.0.0.1', '1');
    cleanups.push(() => redis.command('REPLICAOF', 'NO', 'ONE'));
    await expect(flow.publish(someMessage())).rejects.toThrow(/broker is read-only.*Sentinels/s);
    expect(await saidAtStart(redis.url)).toMatch(/is a replica of 127.0.0.1:1.*name the master/s);
    await redis.command('REPLICAOF', 'NO', 'ONE');
    await flow.delivers();
  });

  it('that cannot save refuses with the reason', async () => {
    const flow = await flowOn(redis.url);
    await redis.command('CONFIG', 'SET', 'min-replicas-to-write', '1');
    cleanups.push(() => redis.command('CONFIG', 'SET', 'min-replicas-to-write', '0'));
    await expect(flow.publish(someMessage())).rejects.toThrow(/broker refuses writes.*NOREPLICAS/s);
  });

  it('that is slow delivers all the same', async () => {
    const proxy = await startFaultProxy(redis.port);
    cleanups.push(proxy.stop);
    const flow = await flowOn(proxy.through(redis.url));
    proxy.delay(400);
    await flow.delivers();
  });

  it('that is told to drop keys says so in the log of those who are connected, at the next connection', async () => {
    const flow = await flowOn(redis.url);
    await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    cleanups.push(() => redis.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction'));
    await redis.command('CLIENT', 'KILL', 'TYPE', 'normal');
    await until('the log says so', async () => flow.lines.join().includes('broker is not fit for use'));
    expect(flow.lines.join()).toContain('noeviction');
  });
});

withServers('the start says what is wrong and what to do, when BROKER_URL names', () => {
  let cluster: TestRedisCluster;
  let sentinel: TestRedisSentinel;
  let single: TestRedis;
  beforeAll(async () => {
    [cluster, sentinel, single] = await Promise.all([
      startRedisCluster(),
      startRedisSentinel(),
      startRedis(),
    ]);
  }, LONG_MS);
  afterAll(() => Promise.all([cluster?.stop(), sentinel?.stop(), single?.stop()]));

  it.each([
    [
      'a node of a cluster as a single server',
      () => `redis://127.0.0.1:${cluster.nodes[0]!.port}`,
      /redis-cluster:\/\//,
    ],
    ['a single server as a cluster', () => `redis-cluster://127.0.0.1:${single.port}`, /is to be redis:\/\//],
    [
      'a Sentinel as a server',
      () => `redis://127.0.0.1:${sentinel.sentinels[0]!.port}`,
      /redis-sentinel:\/\/host/,
    ],
    ['a master that the Sentinels do not know', () => `${sentinel.url}x`, /knows no master .*longshorex/],
    ['a password that is wrong', () => `redis://nobody:wrong@127.0.0.1:${single.port}`, /Put the right user/],
    [
      'a password that a cluster does not know',
      () => cluster.url.replace('//', '//nobody:wrong@'),
      /Put the right user/,
    ],
  ])('%s', async (_what, url, says) => {
    const said = await saidAtStart(url());
    expect(said).toMatch(says);
    expect(said).not.toContain('wrong@');
  });

  it('a cluster in which a single node drops keys', async () => {
    const node = cluster.nodes[1]!;
    await node.command('CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru');
    expect(await saidAtStart(cluster.url)).toMatch(
      new RegExp(`port ${node.port} .*volatile-lru.*noeviction`, 's'),
    );
    await node.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    expect(await saidAtStart(cluster.url)).toBe('it starts');
  });

  it('a master behind Sentinels that drops keys', async () => {
    const master = await sentinel.master();
    await master.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lfu');
    expect(await saidAtStart(sentinel.url)).toMatch(
      new RegExp(`port ${master.port} .*allkeys-lfu.*noeviction`, 's'),
    );
    await master.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    expect(await saidAtStart(sentinel.url)).toBe('it starts');
  });
});
