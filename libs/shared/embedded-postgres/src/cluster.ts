import { spawn } from 'node:child_process';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { EmbeddedPostgresError, explainOutput } from './embedded-postgres-error.ts';
import type { Placement } from './placement.ts';

/** A new cluster takes 40 MB, and its write-ahead log soon 100 more. */
const LEAST_FREE_BYTES = 150 * 1024 * 1024;

/** Defaults that an operator may change in the data folder's postgresql.conf. */
const INITIAL_SETTINGS = ['shared_buffers=64MB', 'max_connections=100', 'max_wal_size=512MB'];

/**
 * Makes the cluster where there is none, whole or not at all: an attempt that was cut short is swept away.
 * Throws `wrong_version` for data of another major version, `disk_full` and the like when it cannot be made.
 */
export async function ensureCluster(placement: Placement, password: string): Promise<'created' | 'found'> {
  if (existsSync(join(placement.data, 'PG_VERSION'))) {
    requireSameVersion(placement.data, placement.binaries);
    return 'found';
  }
  requireSpace(dirname(placement.data));
  await createCluster(placement, password);
  return 'created';
}

function requireSameVersion(data: string, { major }: Binaries): void {
  const found = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim();
  if (found === major) return;
  throw new EmbeddedPostgresError(
    'wrong_version',
    `The data in ${data} were written by PostgreSQL ${found} and this release brings PostgreSQL ${major}: start the release ` +
      `that wrote them, save all with "pg_dumpall" of PostgreSQL ${found}, move the folder away, start this release ` +
      'with an empty folder and load the saved file with "psql".',
  );
}

function requireSpace(folder: string): void {
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize >= LEAST_FREE_BYTES) return;
  const free = Math.floor((bavail * bsize) / 1024 / 1024);
  throw new EmbeddedPostgresError(
    'disk_full',
    `The disk that holds ${folder} has ${free} MB left and a new database needs 150: free some space and start again.`,
  );
}

async function createCluster(placement: Placement, password: string): Promise<void> {
  const unfinished = `${placement.data}.new`;
  const passwordFile = `${placement.data}.password`;
  rmSync(unfinished, { recursive: true, force: true });
  rmSync(passwordFile, { force: true });
  try {
    mkdirSync(unfinished, { mode: 0o700 });
    writeFileSync(passwordFile, password, { mode: 0o600, flag: 'wx' });
    giveTo(placement.user, [unfinished, passwordFile]);
    await runInitdb(placement, unfinished, passwordFile);
    renameSync(unfinished, placement.data);
  } finally {
    rmSync(passwordFile, { force: true });
    rmSync(unfinished, { recursive: true, force: true });
  }
}

function giveTo(user: Placement['user'], paths: readonly string[]): void {
  if (user) for (const path of paths) chownSync(path, user.uid, user.gid);
}

/** The built-in provider sorts the same on every system and after every upgrade of its C library. */
function initdbArguments(data: string, passwordFile: string): string[] {
  return [
    ...['--pgdata', data, '--username', 'postgres', '--auth', 'scram-sha-256', '--pwfile', passwordFile],
    ...['--encoding', 'UTF8', '--locale', 'C', '--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8'],
    ...INITIAL_SETTINGS.flatMap((setting) => ['--set', setting]),
  ];
}

async function runInitdb(
  { binaries, user, data }: Placement,
  target: string,
  passwordFile: string,
): Promise<void> {
  const child = spawn(binaries.initdb, initdbArguments(target, passwordFile), {
    ...user,
    cwd: '/',
    env: { TZ: 'UTC', LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => (output += text.toString()));
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject).once('close', resolve);
  const failure = await promise.catch((error: unknown) => error);
  if (failure === 0) return;
  throw explainOutput(output, dirname(data)) ?? initdbFailed(binaries, failure, output);
}

function initdbFailed({ initdb }: Binaries, failure: unknown, output: string): EmbeddedPostgresError {
  const lastLine = output.trim().split('\n').at(-1) ?? '';
  const reason = failure instanceof Error ? failure.message : lastLine || `exit code ${String(failure)}`;
  const message = `The database could not be created (${initdb}: ${reason}); DATABASE_URL may name a PostgreSQL of your own.`;
  return new EmbeddedPostgresError('start_failed', message, {
    cause: failure instanceof Error ? failure : output,
  });
}
