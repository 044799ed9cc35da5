import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@longshore/embedded-postgres';
import { silentLogger } from '@longshore/runtime';
import { startRedis } from '@longshore/testing';
import { Client } from 'pg';

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
    empty: async () => void (await query('truncate bullmq.job cascade')),
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
