import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** What a server writes about itself into `postmaster.pid`. */
export interface PostmasterFile {
  readonly pid: number;
  /** Undefined while the server is only beginning to start. */
  readonly port: number | undefined;
  /** Whether it accepts connections. */
  readonly ready: boolean;
}

/** Path of the file in a data folder. */
export function postmasterPath(data: string): string {
  return join(data, 'postmaster.pid');
}

/** The file of this data folder; undefined when there is none, or none with a process id in it. */
export function readPostmasterFile(data: string): PostmasterFile | undefined {
  let text;
  try {
    text = readFileSync(postmasterPath(data), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return parsePostmasterFile(text);
}

/** Lines: pid, folder, start time, port, socket folder, address, shared memory, status. */
export function parsePostmasterFile(text: string): PostmasterFile | undefined {
  const lines = text.split('\n').map((line) => line.trim());
  const pid = Number(lines[0]);
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  const port = Number(lines[3]);
  return { pid, port: Number.isInteger(port) && port > 0 ? port : undefined, ready: lines[7] === 'ready' };
}

/** Whether a process of this id exists, under whatever user. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Whether this process is the main process of a PostgreSQL server on this data folder. Process ids are used again: a
 * file left behind may name anybody's process, which must be neither waited for nor stopped.
 */
export function isPostmasterOf(pid: number, data: string): boolean {
  if (!isAlive(pid)) return false;
  return process.platform === 'linux'
    ? isPostmasterOnLinux(pid, data)
    : commandOf(pid).includes(` -D ${data}`);
}

function isPostmasterOnLinux(pid: number, data: string): boolean {
  try {
    const [program = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    if (!program.endsWith('/postgres')) return false;
    return args.includes(data) || readlinkSync(`/proc/${pid}/cwd`) === data;
  } catch {
    return false; // Gone meanwhile, or of a user whose processes this one may not look at: not ours either way.
  }
}

function commandOf(pid: number): string {
  try {
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return ''; // Gone meanwhile.
  }
}
