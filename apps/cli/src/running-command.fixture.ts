import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { coreWorkerNames } from '@longshore/contracts';
import { stopLeftBehindPostgres } from '@longshore/embedded-postgres';
import { z } from 'zod';
import { homeAt } from './home/home.ts';
import { readInstance } from './home/instance.ts';

export const cleanups: (() => unknown)[] = [];

/** To be called after each test. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

/** A home of its own, of which nothing is left after the test. */
export function temporaryHome(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'longshore-cli-')));
  chmodSync(folder, 0o777);
  cleanups.push(async () => {
    await stopLeftBehindPostgres(homeAt(folder).postgres);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

export interface RunOptions {
  home: string;
  env?: NodeJS.ProcessEnv;
  uid?: number;
  /** Default: the folder for temporary files. */
  cwd?: string;
}

/** Starts a command. Its environment is that of the test without what would lead it to another platform. */
export function spawnCommand(args: readonly string[], { home, env, uid, cwd = tmpdir() }: RunOptions) {
  const { PATH, HOME } = process.env;
  const healthPorts = Object.fromEntries(
    coreWorkerNames.map((name) => [`${name.replace('-', '_').toUpperCase()}_HEALTH_PORT`, '0']),
  );
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], {
    cwd,
    env: { PATH, HOME, PORT: '0', LONGSHORE_HOME: home, SHUTDOWN_GRACE: '5', ...healthPorts, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid !== undefined && { uid, gid: uid }),
  });
  const told = { out: '', err: '' };
  child.stdout.on('data', (text: Buffer) => (told.out += text.toString()));
  child.stderr.on('data', (text: Buffer) => (told.err += text.toString()));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...told }));
  return { child, told, ended };
}

/** Runs a command to its end. */
export async function runCommand(args: readonly string[], options: RunOptions) {
  return await spawnCommand(args, options).ended;
}

const readySchema = z.strictObject({
  ready: z.literal(true),
  url: z.url(),
  org: z.string(),
  api_key: z.string().startsWith('lsk_org_'),
  admin_key: z.string().startsWith('lsk_adm_'),
});

export type Ready = z.infer<typeof readySchema>;

/** Starts `longshore up --json` and waits until it is ready. Fails with what it said when it ends before. */
export async function startUp(args: readonly string[], options: RunOptions) {
  const up = spawnCommand(['up', '--json', ...args], options);
  cleanups.push(async () => {
    if (isRunning(up.child)) up.child.kill('SIGINT');
    await up.ended;
  });
  const line = new Promise<string>((resolve) => up.child.stdout.once('data', () => resolve(up.told.out)));
  const early = up.ended.then(({ err }) => {
    throw new Error(`it ended before it was ready: ${err}`);
  });
  const ready: Ready = readySchema.parse(JSON.parse(await Promise.race([line, early])));
  return { ...up, ready };
}

export function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}

/** The process ids of what runs from a home, `longshore up` first. */
export function processIds(home: string): number[] {
  const { pid, processes } = readInstance(homeAt(home)) ?? { pid: 0, processes: [] };
  return [pid, ...processes.map((one) => one.pid)];
}

/** Whether a process of this id runs, one that is dead and only not yet buried by its parent left out. */
export function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).startsWith('Z');
  } catch {
    return false;
  }
}

export const withoutWorkers = coreWorkerNames.flatMap((name) => ['--without', name]);
