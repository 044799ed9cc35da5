import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@longshore/embedded-postgres';
import { silentLogger } from '@longshore/runtime';
import {
  freePort,
  makeCertificate,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
} from '@longshore/testing';
import { Client } from 'pg';
import { LEAST_RIGHTS } from './redis-rights.ts';

/** What the contract suite does to a broker behind the back of the code under test. */
export interface BrokerUnderTest {
  readonly url: string;
  /** Loses everything, as a Redis does that is wiped. */
  empty(): Promise<void>;
  /** Makes it unreachable; the answer brings it back. */
  takeAway(): Promise<() => Promise<void>>;
  /** How many jobs, or keys, it holds. */
  size(): Promise<number>;
  stop(): Promise<void>;
}

export async function redisUnderTest(): Promise<
  BrokerUnderTest & { command(...words: string[]): Promise<string> }
> {
  const redis = await startRedis();
  return {
    url: redis.url,
    command: redis.command,
    empty: redis.flushAll,
    takeAway: async () => {
      await redis.kill9();
      return redis.restart;
    },
    size: async () => Number(await redis.command('DBSIZE')),
    stop: redis.stop,
  };
}

/** Three masters with a replica each. */
export async function clusterUnderTest(): Promise<BrokerUnderTest> {
  const cluster = await startRedisCluster();
  const each = async (command: string) =>
    Promise.all((await cluster.masters()).map((master) => master.command(command)));
  return {
    url: cluster.url,
    empty: async () => void (await each('FLUSHALL')),
    takeAway: async () => {
      await Promise.all(cluster.nodes.map((node) => node.kill9()));
      return async () => {
        await Promise.all(cluster.nodes.map((node) => node.restart()));
        await cluster.whole();
      };
    },
    size: async () => (await each('DBSIZE')).reduce((sum, count) => sum + Number(count), 0),
    stop: cluster.stop,
  };
}

/** A master with two replicas, found through three Sentinels. */
export async function sentinelUnderTest(): Promise<BrokerUnderTest> {
  const sentinel = await startRedisSentinel();
  const command = async (word: string) => (await sentinel.master()).command(word);
  return {
    url: sentinel.url,
    empty: async () => void (await command('FLUSHALL')),
    takeAway: async () => {
      await sentinel.kill9();
      return sentinel.restart;
    },
    size: async () => Number(await command('DBSIZE')),
    stop: sentinel.stop,
  };
}

/** TLS under an authority of our own, which wants to see our certificate too, and a user with the least rights. */
export async function guardedRedisUnderTest(): Promise<BrokerUnderTest> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'longshore-broker-')));
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const { cert, key } = makeCertificate('127.0.0.1');
  await writeFile(certFile, cert);
  await writeFile(keyFile, key);
  const tlsPort = await freePort();
  const redis = await startRedis([
    ...['--tls-port', String(tlsPort), '--tls-auth-clients', 'yes', '--tls-ca-cert-file', certFile],
    ...['--tls-cert-file', certFile, '--tls-key-file', keyFile],
    ...['--user', ...`longshore on >s3cr3t ${LEAST_RIGHTS}`.split(' ')],
  ]);
  const files = `ca_file=${certFile}&cert_file=${certFile}&key_file=${keyFile}`;
  return {
    url: `rediss://longshore:s3cr3t@127.0.0.1:${tlsPort}?${files}`,
    empty: redis.flushAll,
    takeAway: async () => {
      await redis.kill9();
      return redis.restart;
    },
    size: async () => Number(await redis.command('DBSIZE')),
    stop: async () => {
      await redis.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export async function postgresUnderTest(): Promise<BrokerUnderTest> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'longshore-broker-')));
  const start = () => startEmbeddedPostgres({ dataDir: folder, logger: silentLogger() });
  let server = await start();
  const url = await server.createDatabase({ name: 'longshore_broker', role: 'longshore_broker' });
  const query = async (sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> => {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql, values)).rows;
    } finally {
      await client.end();
    }
  };
  return {
    url,
    empty: () => emptied(query),
    takeAway: async () => {
      await server.stop();
      return async () => {
        server = await start();
      };
    },
    size: async () => Number((await query('select count(*) as count from bullmq.job'))[0]?.['count']),
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

type Query = (sql: string) => Promise<unknown>;

/** Who locks whole tables under the hands of a queue can be the one that a deadlock is resolved by. */
async function emptied(query: Query): Promise<void> {
  try {
    await query('truncate bullmq.job, bullmq.meta cascade');
  } catch (error) {
    if ((error as { code?: string }).code !== '40P01') throw error;
    await emptied(query);
  }
}
