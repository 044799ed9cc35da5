import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@longshore/embedded-postgres';
import { silentLogger } from '@longshore/runtime';

/** A real PostgreSQL server of a test's own, on a free port, in a folder that goes with it. */
export interface TestPostgres {
  /** An empty database. */
  createDatabase(name: string): Promise<string>;
  stop(): Promise<void>;
}

/** Starts an embedded server; durable settings as in production. */
export async function startPostgres(): Promise<TestPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-test-'));
  // As root the server runs under another user, who must be able to reach its data.
  await chmod(folder, 0o755);
  const server = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), logger: silentLogger() });
  return {
    createDatabase: (name) => server.createDatabase({ name, role: name }),
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
