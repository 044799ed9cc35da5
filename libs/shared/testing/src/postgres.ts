import { readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@longshore/embedded-postgres';
import { silentLogger } from '@longshore/runtime';
import { joinSharedServer, sharedServerSocket } from './shared-server/join.ts';

/** What a database holds from the beginning. It is made once, and copied for whoever wants one like it. */
export interface DatabaseTemplate {
  /** Names its contents: two templates of one name hold the same. */
  readonly name: string;
  /** Fills an empty database, and leaves no connection open. */
  fill(url: string): Promise<void>;
}

/** A real PostgreSQL server, with databases that nobody else knows. */
export interface TestPostgres {
  /** A database that is empty, or like the template; its name in the server contains this one. */
  createDatabase(name: string, template?: DatabaseTemplate): Promise<string>;
  /** The databases go as well. */
  stop(): Promise<void>;
}

/** A server that nobody else uses, on a free port, in a folder that goes with it. It can be hurt. */
export interface OwnPostgres extends TestPostgres {
  /** SIGSTOP to the server and all its processes: connections stay open, and nobody answers. */
  freeze(): void;
  /** SIGCONT. */
  thaw(): void;
}

/**
 * Room for databases of a suite's own, on the server that all suites of this run share, which is started for the first of them.
 * Outside of a run it is a server of its own. Whoever stops, freezes or sets up the server itself starts their own one.
 */
export function startPostgres(): Promise<TestPostgres> {
  const socket = sharedServerSocket();
  return socket === undefined ? startOwnPostgres() : joinSharedServer(socket);
}

/** Starts an embedded server; durable settings as in production. */
export async function startOwnPostgres(): Promise<OwnPostgres> {
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
    async createDatabase(name, template) {
      const url = await server.createDatabase({ name, role: name });
      await template?.fill(url);
      return url;
    },
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
