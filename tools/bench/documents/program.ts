import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

const CLOCK_TICKS_PER_SECOND = 100;
const LOOK_EVERY_MS = 4;

/** What a program needed, in the mean of its runs. */
export interface Cost {
  readonly cpuMs: number;
  /** The most memory of any run, MiB. */
  readonly peak: number;
}

export const HOW_TO_INSTALL = 'apt install poppler-utils tesseract-ocr';

/** What a program calls itself; null where it is not installed. */
export async function versionOf(program: string, flag: string): Promise<string | null> {
  if (!(await isInstalled(program))) return null;
  const { stdout, stderr } = await promisify(execFile)(program, [flag]);
  return (stdout + stderr).split('\n')[0]!.replace(' version', '');
}

/** Whether a program is installed. */
export function isInstalled(program: string): Promise<boolean> {
  return promisify(execFile)('which', [program]).then(
    () => true,
    () => false,
  );
}

/** Runs a program several times, one after the other. @throws when it fails */
export async function costOf(program: string, args: readonly string[], times: number): Promise<Cost> {
  const before = cpuOfEndedChildren();
  let peak = 0;
  for (let run = 0; run < times; run += 1) peak = Math.max(peak, await runOnce(program, args));
  return { cpuMs: (cpuOfEndedChildren() - before) / times, peak };
}

/** @returns its peak memory, MiB */
async function runOnce(program: string, args: readonly string[]): Promise<number> {
  const env = { ...process.env, OMP_THREAD_LIMIT: '1' };
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'ignore'], env });
  let peak = 0;
  const timer = setInterval(() => (peak = Math.max(peak, peakOf(child.pid!))), LOOK_EVERY_MS);
  const [code] = (await once(child, 'exit')) as [number | null];
  clearInterval(timer);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}`);
  return peak;
}

/** The most memory that a process ever had, MiB; 0 once it has ended. */
export function peakOf(pid: number | 'self'): number {
  return statusOf(pid, 'VmHWM');
}

/** What a process has in memory now, MiB. */
export function residentOf(pid: number): number {
  return statusOf(pid, 'VmRSS');
}

function statusOf(pid: number | 'self', key: 'VmHWM' | 'VmRSS'): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0; // It ended before the look.
  }
}

function cpuOfEndedChildren(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]!.split(' ').map(Number);
  const [user = 0, system = 0] = fields.slice(13, 15);
  return ((user + system) * 1000) / CLOCK_TICKS_PER_SECOND;
}
