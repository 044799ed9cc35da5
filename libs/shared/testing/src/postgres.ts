import { readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@longshore/embedded-postgres';
import { silentLogger } from '@longshore/runtime';

/** A real PostgreSQL server of a test's own, on a free port, in a folder that goes with it. */
export interface TestPostgres {
  /** An empty database. */
  createDatabase(name: string): Promise<string>;
  /** SIGSTOP to the server and all its processes: connections stay open, and nobody answers. */
  freeze(): void;
  /** SIGCONT. */
  thaw(): void;
  stop(): Promise<void>;
}

/** Starts an embedded server; durable settings as in production. */
export async function startPostgres(): Promise<TestPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-test-'));
  // As root the server runs under another user, who must be able to reach its data.
  await chmod(folder, 0o755);
  const server = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), logger: silentLogger() });
  const signal = (name: NodeJS.Signals) => {
    for (const pid of processesOf(join(folder, 'postgres'))) process.kill(pid, name);
  };
  return {
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    createDatabase: (name) => server.createDatabase({ name, role: name }),
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The server in this folder and its children. */
function processesOf(dataDir: string): number[] {
  const { data } = JSON.parse(readFileSync(join(dataDir, 'server.json'), 'utf8')) as { data: string };
  const server = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n', 1)[0]);
  const isChild = (pid: string) => parentOf(pid) === server;
  return [server, ...readdirSync('/proc').filter(isChild).map(Number)];
}

/** Undefined for what is no process, or not any more. */
function parentOf(pid: string): number | undefined {
  if (!/^\d+$/.test(pid)) return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}
