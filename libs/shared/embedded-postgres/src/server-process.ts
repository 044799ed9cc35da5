import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '@longshore/runtime';
import { EmbeddedPostgresError, explainOutput } from './embedded-postgres-error.ts';
import type { Placement } from './placement.ts';
import { isPostmasterOf, readPostmasterFile } from './postmaster-file.ts';
import { serverArguments } from './server-arguments.ts';
import { logSince, logSize, trimLog } from './server-log.ts';

/** A server that accepts connections. */
export interface ServerProcess {
  readonly pid: number;
  readonly port: number;
  /** Resolves when the process is gone, for whatever reason. */
  readonly exited: Promise<void>;
}

export interface ServerContext {
  readonly placement: Placement;
  readonly logFile: string;
  readonly clock: Clock;
}

type StopContext = Pick<ServerContext, 'clock'> & { readonly placement: Pick<Placement, 'data'> };

/** Crash recovery replays at most `max_wal_size`; what takes longer than this hangs. */
const READY_WITHIN_MS = 300_000;
const LOOK_EVERY_MS = 20;

/** Each signal with the time it is given: wait for nobody, roll back; drop everything; end. */
const STOP_STEPS = [
  ['SIGINT', 10_000],
  ['SIGQUIT', 5_000],
  ['SIGKILL', 5_000],
] as const;

/**
 * Starts a server on this port and waits until it accepts connections. It has a session of its own: a Ctrl-C
 * in the terminal does not reach it before the processes that still need it, and it outlives this process.
 * Throws `port_busy`, `disk_full` and the like, or `start_failed` with what the server said.
 */
export async function startServer(port: number, context: ServerContext): Promise<ServerProcess> {
  const { placement, logFile, clock } = context;
  trimLog(logFile);
  const offset = logSize(logFile);
  const child = spawnServer(port, context);
  const exited = new Promise<void>((resolve) =>
    child.once('exit', () => resolve()).once('error', () => resolve()),
  );
  let gone = false;
  void exited.then(() => (gone = true));
  const deadline = clock.monotonic() + READY_WITHIN_MS;
  while (!gone && clock.monotonic() < deadline) {
    const file = readPostmasterFile(placement.data);
    if (file && file.pid === child.pid && file.ready) return { pid: file.pid, port, exited };
    await clock.sleep(LOOK_EVERY_MS);
  }
  if (!gone && child.pid !== undefined) await stopServer(child.pid, context);
  throw startFailure(logSince(logFile, offset), port, context);
}

function spawnServer(port: number, { placement, logFile }: ServerContext): ChildProcess {
  const log = openSync(logFile, 'a', 0o600);
  try {
    const child = spawn(placement.binaries.postgres, serverArguments(placement, port), {
      ...placement.user,
      cwd: '/',
      env: { LC_ALL: 'C' },
      detached: true,
      stdio: ['ignore', log, log],
    });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

/** What a server says while another one of the same data, or a session of it, is not quite gone: killed, and not yet buried by its parent. */
const KILLED_BEFORE = /pre-existing shared memory block|lock file "postmaster\.pid" already exists/;

function startFailure(
  output: string,
  port: number,
  { placement, logFile }: ServerContext,
): EmbeddedPostgresError {
  if (/could not bind|Address already in use/.test(output)) {
    return new EmbeddedPostgresError(
      'port_busy',
      `Port ${port} for the embedded PostgreSQL is in use by another program.`,
    );
  }
  if (KILLED_BEFORE.test(output)) {
    const message = `A server that was killed, or its sessions, still use ${placement.data}: end them and start again.`;
    return new EmbeddedPostgresError('in_use', message, { cause: output });
  }
  const explained = explainOutput(output, dirname(placement.data));
  if (explained) return explained;
  const said =
    output.split('\n').findLast((line) => /FATAL|PANIC/.test(line)) ?? output.trim().split('\n').at(-1) ?? '';
  const message = `The embedded PostgreSQL did not start (${said.trim() || 'it said nothing'}); its log is ${logFile}.`;
  return new EmbeddedPostgresError('start_failed', message, { cause: output });
}

/**
 * Ends the server with this process id: open transactions are rolled back, what is committed is on the disk. At most
 * 20 s, with rougher means towards the end. Does nothing when the id is no longer that of a server on this data folder.
 */
export async function stopServer(pid: number, { placement, clock }: StopContext): Promise<void> {
  for (const [signal, withinMs] of STOP_STEPS) {
    const deadline = clock.monotonic() + withinMs;
    if (isPostmasterOf(pid, placement.data)) process.kill(pid, signal);
    while (isPostmasterOf(pid, placement.data)) {
      if (clock.monotonic() >= deadline) break;
      await clock.sleep(LOOK_EVERY_MS);
    }
  }
}
