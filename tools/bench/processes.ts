import { readdirSync, readFileSync } from 'node:fs';

/** A process of the platform, named after its app. */
export interface PlatformProcess {
  readonly name: string;
  readonly pid: number;
}

const CLOCK_TICKS_PER_SECOND = 100;

/** All descendants of a process, from /proc (Linux). PostgreSQL's own processes count as one name. */
export function processTree(root: number): PlatformProcess[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    if (/^\d+$/.test(entry)) parents.set(Number(entry), parentOf(Number(entry)));
  }
  const isBelow = (pid: number): boolean => {
    const parent = parents.get(pid);
    return parent !== undefined && parent > 0 && (parent === root || isBelow(parent));
  };
  return [...parents.keys()]
    .filter((pid) => pid === root || isBelow(pid))
    .map((pid) => ({ pid, name: nameOf(pid, root) }));
}

function parentOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return Number(fields[1]);
  } catch {
    return 0; // It ended between the listing and the look.
  }
}

function nameOf(pid: number, root: number): string {
  if (pid === root) return 'load generator';
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return (
      /apps\/([\w-]+)\//.exec(command)?.[1]?.replace('cli', 'longshore up') ??
      (command.includes('redis-server')
        ? 'redis'
        : command.includes('postgres')
          ? 'postgresql'
          : command.slice(0, 30))
    );
  } catch {
    return 'ended';
  }
}

/** Proportional set size by name, MiB: shared pages are divided among those who share them. */
export function memoryByName(processes: readonly PlatformProcess[]): Map<string, number> {
  return sumByName(processes, (pid) => {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) / 1024;
  });
}

/** CPU time used so far by name, ms. That of PostgreSQL holds the processes that it started and that have ended. */
export function cpuByName(processes: readonly PlatformProcess[]): Map<string, number> {
  return sumByName(processes, (pid, name) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ').map(Number);
    const [user = 0, system = 0, userOfEnded = 0, systemOfEnded = 0] = fields.slice(11, 15);
    const ended = name === 'postgresql' ? userOfEnded + systemOfEnded : 0;
    return ((user + system + ended) * 1000) / CLOCK_TICKS_PER_SECOND;
  });
}

function sumByName(
  processes: readonly PlatformProcess[],
  measure: (pid: number, name: string) => number,
): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { name, pid } of processes) {
    try {
      sums.set(name, (sums.get(name) ?? 0) + measure(pid, name));
    } catch {
      // The process ended meanwhile: it has nothing to add.
    }
  }
  return sums;
}
