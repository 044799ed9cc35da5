import { appendFileSync, chownSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { connect as connectTo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startEmbeddedPostgres } from '@longshore/embedded-postgres';
import { silentLogger } from '@longshore/runtime';
import type { TestCertificate } from './certificate.ts';
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

/** What a server of one's own has beyond the usual. */
interface OwnPostgresOptions {
  /** It speaks TLS to whoever asks for it, and shows this. Default: it does not. */
  readonly tls?: TestCertificate;
}

/** Starts an embedded server; durable settings as in production. */
export async function startOwnPostgres({ tls }: OwnPostgresOptions = {}): Promise<OwnPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-test-'));
  // As root the server runs under another user, who must be able to reach its data.
  await chmod(folder, 0o755);
  const server = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), logger: silentLogger() });
  if (tls !== undefined) await speakTls(join(folder, 'postgres'), server.port, tls);
  const data = join(folder, 'postgres');
  return {
    freeze() {
      const { pid } = serverOf(data);
      // The server first: then no child comes that was not seen.
      signal(pid, 'SIGSTOP');
      for (const child of childrenOf(pid)) signal(child, 'SIGSTOP');
    },
    thaw() {
      const { pid } = serverOf(data);
      for (const each of [...childrenOf(pid), pid]) signal(each, 'SIGCONT');
    },
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

/** Gives a running server a certificate, and waits until it has taken it up. */
async function speakTls(dataDir: string, port: number, { cert, key }: TestCertificate): Promise<void> {
  const { data, pid } = serverOf(dataDir);
  const { uid, gid } = statSync(data);
  for (const [name, content] of Object.entries({ 'server.crt': cert, 'server.key': key })) {
    writeFileSync(join(data, name), content, { mode: 0o600 });
    chownSync(join(data, name), uid, gid);
  }
  appendFileSync(join(data, 'postgresql.conf'), '\nssl = on\n');
  process.kill(pid, 'SIGHUP');
  while (!(await offersTls(port))) await pause(20);
}

/** Asks for TLS as every client does, before anything else: the server says S or N. */
async function offersTls(port: number): Promise<boolean> {
  const socket = connectTo(port, '127.0.0.1');
  try {
    socket.write(Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return answer.toString('latin1', 0, 1) === 'S';
  } finally {
    socket.destroy();
  }
}

/** Where a server keeps its data, and its process. */
function serverOf(dataDir: string): { readonly data: string; readonly pid: number } {
  const { data } = JSON.parse(readFileSync(join(dataDir, 'server.json'), 'utf8')) as { data: string };
  return { data, pid: Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n', 1)[0]) };
}

function childrenOf(server: number): number[] {
  return readdirSync('/proc')
    .filter((pid) => parentOf(pid) === server)
    .map(Number);
}

/** To a process that may have ended meanwhile. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
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
