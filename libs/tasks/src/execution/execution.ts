import type { ClaimedRun } from '@longshore/contracts';
import type { Clock } from '@longshore/runtime';
import type { Task } from '../definition/define-task.ts';
import type { TaskContext } from '../definition/task-context.ts';
import { isTaskError, TaskError } from '../definition/task-error.ts';
import type { Outcome } from './outcome.ts';
import { outcomeOfError, outcomeOfResult } from './outcome.ts';

/** Why a run was taken from its handler. Of a lapse nothing is reported, and of a cancel only that the run was let go. */
export type TakenBecause = 'cancelled' | 'lapsed' | 'released' | 'hard_limit';

export type Executed =
  | { readonly kind: 'finished'; readonly outcome: Outcome; readonly durationMs: number }
  | { readonly kind: 'taken'; readonly because: TakenBecause; readonly durationMs: number };

/** One attempt at one run. */
export interface Execution {
  readonly run: ClaimedRun;
  /** Monotonic milliseconds at which the hard limit is reached. */
  readonly hardDeadline: number;
  /** Never rejects. */
  readonly ended: Promise<Executed>;
  /** Takes the run from its handler, whose signal aborts. The first reason counts. */
  take(because: TakenBecause): void;
}

/** The reason of a handler's signal when its run was taken from it. */
class RunTakenError extends Error {
  override readonly name = 'AbortError';
}

const WORDS: Readonly<Record<TakenBecause, string>> = {
  cancelled: 'The run was cancelled',
  lapsed: 'This worker was given up, the run is given to another',
  released: 'This worker stops, the run is given back',
  hard_limit: 'The run is past its hard limit',
};

/** A reason of its own: making one for every run would be most of what ending it costs. */
const OVER = new Error('the run has ended');

/** How long a handler may take to heed its signal before its slot is used for others. */
const HEED_WITHIN_MS = 10_000;

/** Starts the handler of a claimed run. */
export function startExecution(options: {
  run: ClaimedRun;
  task: Task;
  context: (signal: AbortSignal) => TaskContext;
  clock: Clock;
}): Execution {
  const { run, task, context, clock } = options;
  const startedAt = clock.monotonic();
  const controller = new AbortController();
  const over = new AbortController();
  const { promise: givenUp, resolve: giveUp } = Promise.withResolvers<Executed>();
  let because: TakenBecause | undefined;

  const durationMs = (): number => clock.monotonic() - startedAt;
  const after = (ms: number, act: () => void): void => {
    // A sleep that is ended early is one that is not needed any more.
    clock.sleep(ms, over.signal).then(act, () => undefined);
  };
  const take = (why: TakenBecause): void => {
    if (because !== undefined) return;
    because = why;
    controller.abort(new RunTakenError(WORDS[why]));
    const end = (): void => giveUp({ kind: 'taken', because: why, durationMs: durationMs() });
    if (why === 'cancelled' || why === 'lapsed') after(HEED_WITHIN_MS, end);
    else end();
  };
  after(run.soft_limit_ms, () => controller.abort(new SoftLimitError(run.soft_limit_ms)));
  after(run.hard_limit_ms, () => take('hard_limit'));

  const finished = carryOut(task, run.input, context(controller.signal)).then((outcome): Executed => {
    if (because !== undefined) return { kind: 'taken', because, durationMs: durationMs() };
    return { kind: 'finished', outcome, durationMs: durationMs() };
  });
  const ended = Promise.race([finished, givenUp]).finally(() => over.abort(OVER));
  return { run, hardDeadline: startedAt + run.hard_limit_ms, ended, take };
}

class SoftLimitError extends TaskError {
  constructor(limitMs: number) {
    super('time_limit', `It took longer than the ${limitMs / 1000} s that it may`);
  }
}

/** Never rejects. */
async function carryOut(task: Task, given: unknown, context: TaskContext): Promise<Outcome> {
  // First it is made known that this run is active: its handler may keep the main loop from the start.
  await Promise.resolve();
  try {
    const parsed = task.parse(given);
    if ('problem' in parsed) {
      throw new TaskError('invalid_input', `The input does not fit: ${parsed.problem}`, { retryable: false });
    }
    return outcomeOfResult(await task.handle(parsed.input, context));
  } catch (error) {
    const { reason } = context.signal as { reason: unknown };
    // A handler that heeds its signal throws whatever its libraries throw then; the limit is what it means.
    const limit = reason instanceof SoftLimitError && !isTaskError(error);
    return outcomeOfError(limit ? reason : error);
  }
}
