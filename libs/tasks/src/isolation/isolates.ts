import type { ClaimedRun } from '@longshore/contracts';
import type { Task } from '../definition/define-task.ts';
import type { TaskContext } from '../definition/task-context.ts';
import { TaskError } from '../definition/task-error.ts';
import type { IsolatedWork } from '../execution/active-runs.ts';
import type { Outcome } from '../execution/outcome.ts';
import { outcomeOfError } from '../execution/outcome.ts';
import type { Isolate, IsolateEnd, StartIsolate } from './isolate.ts';
import { loadIn, runIn } from './run-in-isolate.ts';
import { startProcess } from './start-process.ts';
import { startThread } from './start-thread.ts';
import { fromWire } from './wire-outcome.ts';

/** The threads and processes of a worker in which runs are carried out. */
export interface Isolates {
  /** Carries out an attempt in a thread or process that has loaded its task: one that is warm, or a new one. */
  readonly work: IsolatedWork;
  /** Ends all of them. */
  close(): Promise<void>;
}

export interface IsolatesOptions {
  /** As many are kept at most, those at work included: the slots of the worker. */
  readonly most: number;
  /** How long one is kept for the next run of its task, milliseconds. Default a minute. */
  readonly keepIdleMs?: number;
}

/** One that carried out this many runs is exchanged: what they left behind shall not gather. */
const MOST_RUNS = 1_000;

/** A thread or process that belongs to one task. */
interface Host {
  readonly task: string;
  readonly isolate: Isolate;
  readonly loaded: ReturnType<typeof loadIn>;
  runs: number;
  idle?: NodeJS.Timeout;
}

/** A pool of threads and processes. None is started before it is needed. */
export function createIsolates({ most, keepIdleMs = 60_000 }: IsolatesOptions): Isolates {
  const all = new Set<Host>();
  // The one that was used last is at the end.
  const idle = new Set<Host>();

  const end = (host: Host): Promise<boolean> => {
    all.delete(host);
    idle.delete(host);
    clearTimeout(host.idle);
    return host.isolate.kill();
  };
  const takeFor = (task: Task): Host => {
    const warm = [...idle].findLast((host) => host.task === task.descriptor.name);
    if (warm !== undefined && warm.isolate.isAlive()) {
      idle.delete(warm);
      clearTimeout(warm.idle);
      return warm;
    }
    if (warm !== undefined) void end(warm);
    const [oldest] = idle;
    if (all.size >= most && oldest !== undefined) void end(oldest);
    const host = startHost(task);
    all.add(host);
    return host;
  };
  const putBack = (host: Host): void => {
    if (!all.has(host)) return;
    if (!host.isolate.isAlive() || host.runs >= MOST_RUNS) return void end(host);
    idle.add(host);
    host.idle = setTimeout(() => void end(host), keepIdleMs).unref();
  };
  return {
    work: (task, run, context) => {
      const host = takeFor(task);
      const outcome = attempt(host, { task, run, context }).then(({ outcome: its, isWarm }) => {
        if (isWarm) putBack(host);
        else void end(host);
        return its;
      });
      return { outcome, kill: () => end(host) };
    },
    close: async () => {
      await Promise.all([...all].map(end));
    },
  };
}

const START: Readonly<Record<'thread' | 'process', StartIsolate>> = {
  thread: startThread,
  process: startProcess,
};

function startHost({ descriptor, memoryMb, origin }: Task): Host {
  const start = START[descriptor.isolation === 'thread' ? 'thread' : 'process'];
  const isolate = start({ memoryMb });
  const loaded = loadIn(isolate, origin ?? { file: '', folders: [] });
  return { task: descriptor.name, isolate, loaded, runs: 0 };
}

interface Attempt {
  readonly task: Task;
  readonly run: ClaimedRun;
  readonly context: TaskContext;
}

/** One attempt, and whether the isolate may be used for the next one. Never rejects. */
async function attempt(
  host: Host,
  { task, run, context }: Attempt,
): Promise<{ outcome: Outcome; isWarm: boolean }> {
  const fails = (error: TaskError, detail: string | null): { outcome: Outcome; isWarm: boolean } => {
    const outcome = outcomeOfError(error, task.retry, run.attempt);
    // Where this error was made says nothing about the handler; what the other side said last may.
    if (outcome.kind === 'failed')
      return { outcome: { ...outcome, error: { ...outcome.error, detail } }, isWarm: false };
    return { outcome, isWarm: false };
  };
  const gone = ({ code, message, detail }: IsolateEnd) => fails(new TaskError(code, message), detail);

  const notLoaded = await host.loaded;
  if (typeof notLoaded === 'string')
    return fails(new TaskError('task_not_loaded', `Its task file does not load: ${notLoaded}`), null);
  if (notLoaded !== undefined) return gone(notLoaded);
  host.runs += 1;
  const ended = await runIn(host.isolate, host.runs, run, context);
  if (ended.kind === 'gone') return gone(ended.end);
  return { outcome: fromWire(ended.outcome), isWarm: isClean(ended.outcome) && !context.signal.aborted };
}

/** Whether the handler is known to be done: what failed unexpectedly, or was told to stop, may have left something at work. */
function isClean(outcome: { kind: string; error?: { code: string } }): boolean {
  return outcome.kind !== 'failed' || outcome.error?.code !== 'unexpected_error';
}
