import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@longshore/embedded-postgres';
import { silentLogger } from '@longshore/runtime';
import { startRedis, type TestRedis } from '@longshore/testing';
import pg from 'pg';

/** The servers that both sides are measured on. */
export interface Servers {
  readonly redis: TestRedis;
  readonly postgres: EmbeddedPostgres;
  /** What the PostgreSQL server says. */
  readonly postgresLog: string;
  /** For what the platforms write. */
  readonly folder: string;
  /** An empty database of its own. */
  database(): Promise<string>;
  stop(): Promise<void>;
}

export async function startServers(): Promise<Servers> {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-bench-'));
  // As root the server runs under another user, who must be able to reach its data.
  await chmod(folder, 0o755);
  const postgresLog = join(folder, 'postgresql.log');
  const postgres = await startEmbeddedPostgres({
    dataDir: join(folder, 'postgres'),
    logFile: postgresLog,
    logger: silentLogger(),
  });
  const redis = await startRedis();
  let databases = 0;
  return {
    redis,
    postgres,
    postgresLog,
    folder,
    database() {
      databases += 1;
      return postgres.createDatabase({ name: `bench${databases}`, role: `bench${databases}` });
    },
    async stop() {
      await redis.stop();
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Runs `use` on a connection of its own. */
export async function connected<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, options: '-c jit=off' });
  client.on('error', () => undefined); // The query that waits on it tells.
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
