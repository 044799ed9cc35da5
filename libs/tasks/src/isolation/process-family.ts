import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** A process of runs and all that was started in it. */
export interface Family {
  /** Its process group and session bear this id. */
  readonly leader: number;
  /** Says so in the environment of each member, those included that began a session of their own. */
  readonly mark: string;
}

/** The variable that bears the mark. */
export const FAMILY_MARK = 'LONGSHORE_ISOLATE';
/** Set in the leader alone (children that inherit it have another id). */
export const FAMILY_LEADER = 'LONGSHORE_ISOLATE_PID';

interface Process {
  readonly pid: number;
  readonly group: number;
  readonly session: number;
  /** One that has ended and was not waited for. */
  readonly isZombie: boolean;
  /** With the id, it names a process for good: ids are given again. */
  readonly startedAt: string;
}

const PROC = '/proc';
const KIB = 1024;

/** The family that this process leads; undefined in any other process. */
export function ownFamily(env: NodeJS.ProcessEnv = process.env): Family | undefined {
  const mark = env[FAMILY_MARK];
  const leads = env[FAMILY_LEADER] === String(process.pid);
  return leads && mark !== undefined ? { leader: process.pid, mark } : undefined;
}

/**
 * A way to list the ids of those of a family that live, its leader included. It remembers whom it has looked at: what a process was started
 * with does not change. Where there is no /proc, those that left the process group are not found.
 */
export function familyLister({ leader, mark }: Family): () => number[] {
  let strangers = new Set<string>();
  return () => {
    const met = new Set<string>();
    const members = processes().filter((each) => {
      if (each.isZombie) return false;
      if (each.group === leader || each.session === leader) return true;
      const name = `${each.pid} ${each.startedAt}`;
      if (!strangers.has(name) && isMarked(each.pid, mark)) return true;
      met.add(name);
      return false;
    });
    strangers = met;
    return members.map(({ pid }) => pid);
  };
}

/** Bytes that these processes take. What they share counts once when the sum would be more than `most`. */
export function memoryOf(pids: readonly number[], most: number): number {
  const resident = sumOf(pids, (pid) => kibibytesIn(`${PROC}/${pid}/status`, 'VmRSS') ?? 0);
  if (resident <= most || !existsSync(PROC)) return resident;
  return sumOf(pids, (pid) => {
    const shared = kibibytesIn(`${PROC}/${pid}/smaps_rollup`, 'Pss');
    return shared ?? kibibytesIn(`${PROC}/${pid}/status`, 'VmRSS') ?? 0;
  });
}

/** How long they are killed again and again: one that starts others all the time is seen a moment late. */
const KILL_FOR_MS = 3_000;

/** Kills all of a family but this process, and waits until they are gone. Resolves to whether they are; never rejects. */
export async function killFamily(family: Family): Promise<boolean> {
  const list = familyLister(family);
  const until = performance.now() + KILL_FOR_MS;
  for (;;) {
    const others = list().filter((pid) => pid !== process.pid);
    if (others.length === 0) return true;
    for (const pid of others) kill(pid);
    if (performance.now() > until) return false;
    await pause(5);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile, or belongs to somebody else.
  }
}

function sumOf(pids: readonly number[], kibibytes: (pid: number) => number): number {
  return KIB * pids.reduce((sum, pid) => sum + kibibytes(pid), 0);
}

function kibibytesIn(file: string, field: string): number | undefined {
  const found = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(textOf(file) ?? '')?.[1];
  return found === undefined ? undefined : Number(found);
}

function isMarked(pid: number, mark: string): boolean {
  return textOf(`${PROC}/${pid}/environ`)?.split('\0').includes(`${FAMILY_MARK}=${mark}`) ?? false;
}

/** Of a process that has ended, or of somebody else's, there is none. */
function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return undefined;
  }
}

function processes(): Process[] {
  if (!existsSync(`${PROC}/self/stat`)) return processesByCommand();
  const pids = readdirSync(PROC).filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => processOf(Number(pid)) ?? []);
}

/** The name, in brackets, may hold anything; what is known by its place follows behind it. */
function processOf(pid: number): Process | undefined {
  const stat = textOf(`${PROC}/${pid}/stat`);
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = '', , group, session] = fields;
  const isZombie = state === 'Z' || state === 'X';
  return { pid, group: Number(group), session: Number(session), isZombie, startedAt: fields[19] ?? '' };
}

function processesByCommand(): Process[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,pgid=,state='], { encoding: 'utf8' }).split('\n');
  return lines.filter(Boolean).map((line) => {
    const [pid, group, state = ''] = line.trim().split(/\s+/);
    const isZombie = state.startsWith('Z');
    return { pid: Number(pid), group: Number(group), session: 0, isZombie, startedAt: '' };
  });
}
