import { setTimeout as pause } from 'node:timers/promises';
import type { TaskContext, TaskFile } from '../definition/task-context.ts';
import { TaskError } from '../definition/task-error.ts';
import { limitedLog } from '../execution/log-lines.ts';
import type { Progress } from '../execution/progress.ts';
import { progressOf } from '../execution/progress.ts';
import type { Asked, FromIsolate, IsolatedRun } from './messages.ts';

export interface IsolatedMeans {
  /** The number of this run. */
  readonly run: number;
  readonly signal: AbortSignal;
  readonly send: (message: FromIsolate) => void;
  /** Has the worker answer. */
  readonly ask: (asked: Asked) => Promise<unknown>;
}

/** Between two reports of progress: only the latest counts, and the way to the worker is not for free. */
const PROGRESS_EVERY_MS = 100;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The context of a handler that runs in a thread or process of its own, and what is to be done when the handler has ended. */
export function createIsolatedContext(given: IsolatedRun, means: IsolatedMeans) {
  const { facts, execution, file, children } = given;
  const { run, signal, send, ask } = means;
  const progress = latestOnly((its) => send({ type: 'progress', run, progress: its }));
  const context: TaskContext = {
    run: facts,
    execution,
    file: file && taskFile(file, ask),
    children,
    childResults: () => ask({ what: 'childResults' }) as ReturnType<TaskContext['childResults']>,
    childOutput: (runId) => ask({ what: 'childOutput', runId }) as ReturnType<TaskContext['childOutput']>,
    signal,
    log: limitedLog((line) => send({ type: 'log', run, line })),
    progress: (percentage, message, data) => progress.tell(progressOf(percentage, message, data)),
    sleep: (ms) => sleep(ms, signal),
    workflowDefinition: () =>
      ask({ what: 'workflowDefinition' }) as ReturnType<TaskContext['workflowDefinition']>,
    get pipelineFiles(): never {
      throw new TaskError('not_isolated', 'The files of a pipeline are for tasks of the isolation "inline"', {
        retryable: false,
      });
    },
    webhookCall(): never {
      throw new TaskError('not_isolated', 'Webhooks are for tasks of the isolation "inline"', {
        retryable: false,
      });
    },
  };
  return { context, close: progress.flush };
}

function taskFile(file: NonNullable<IsolatedRun['file']>, ask: IsolatedMeans['ask']): TaskFile {
  return { ...file, bytes: () => ask({ what: 'bytes' }) as Promise<Uint8Array> };
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  try {
    for (let left = Math.max(0, ms); left >= 0; left -= LONGEST_TIMER_MS) {
      await pause(Math.min(left, LONGEST_TIMER_MS), undefined, { signal });
    }
  } catch (error) {
    // The reason says more than that something was aborted.
    throw signal.aborted ? signal.reason : error;
  }
}

/** Lets a value through now and then: at once when none came lately, and the last one in any case. */
function latestOnly(pass: (value: Progress) => void) {
  let waiting: Progress | undefined;
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (waiting !== undefined) pass(waiting);
    waiting = undefined;
  };
  const open = (): void => {
    timer = undefined;
    if (waiting !== undefined) tell(waiting);
  };
  const tell = (value: Progress): void => {
    waiting = value;
    if (timer !== undefined) return;
    flush();
    timer = setTimeout(open, PROGRESS_EVERY_MS).unref();
  };
  return { tell, flush };
}
