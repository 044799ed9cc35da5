import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Clock } from '@longshore/runtime';
import type { Instance } from '../home/instance.ts';
import { looksLikeApp } from './app-entry.ts';

const LOOK_EVERY_MS = 100;

/** The processes of an earlier platform that still run: their parent was killed and they are finishing what they do. */
export function leftoverProcesses(earlier: Instance | undefined): Instance['processes'] {
  return (earlier?.processes ?? []).filter(({ name, pid }) => looksLikeApp(commandLine(pid), name));
}

/** Waits until they have ended, at most this long, and ends by force what is left then. */
export async function awaitLeftovers(earlier: Instance, withinMs: number, clock: Clock): Promise<void> {
  const deadline = clock.monotonic() + withinMs;
  while (leftoverProcesses(earlier).length > 0 && clock.monotonic() < deadline)
    await clock.sleep(LOOK_EVERY_MS);
  for (const { pid } of leftoverProcesses(earlier)) process.kill(pid, 'SIGKILL');
}

function commandLine(pid: number): string[] {
  try {
    return process.platform === 'linux'
      ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      : execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' })
          .trim()
          .split(' ');
  } catch {
    return []; // There is no such process.
  }
}
