import { TaskError } from '../definition/task-error.ts';

/** Why a run was taken from its handler. Of a lapse nothing is reported, and of a cancel only that the run was let go. */
export type TakenBecause = 'cancelled' | 'lapsed' | 'released' | 'hard_limit';

/** Why a handler's signal aborts, in plain data: the handler may be in another thread or process. */
export type AbortCause =
  { readonly because: 'soft_limit'; readonly limitMs: number } | { readonly because: TakenBecause };

/** The reason of a handler's signal when its run was taken from it. */
class RunTakenError extends Error {
  override readonly name = 'AbortError';
  readonly because: TakenBecause;

  constructor(because: TakenBecause) {
    super(WORDS[because]);
    this.because = because;
  }
}

/** The reason of a handler's signal when it had its time. A handler that heeds it fails with this, and is tried again as the policy says. */
class SoftLimitError extends TaskError {
  readonly limitMs: number;

  constructor(limitMs: number) {
    super('time_limit', `It took longer than the ${limitMs / 1000} s that it may`);
    this.limitMs = limitMs;
  }
}

const WORDS: Readonly<Record<TakenBecause, string>> = {
  cancelled: 'The run was cancelled',
  lapsed: 'This worker was given up, the run is given to another',
  released: 'This worker stops, the run is given back',
  hard_limit: 'The run is past its hard limit',
};

/** What a signal's `reason` is for this cause. */
export function abortReason(cause: AbortCause): Error {
  return cause.because === 'soft_limit'
    ? new SoftLimitError(cause.limitMs)
    : new RunTakenError(cause.because);
}

/** The cause that such a reason stands for. */
export function abortCause(reason: unknown): AbortCause {
  if (reason instanceof SoftLimitError) return { because: 'soft_limit', limitMs: reason.limitMs };
  return { because: reason instanceof RunTakenError ? reason.because : 'released' };
}

export function isSoftLimit(reason: unknown): reason is Error {
  return reason instanceof SoftLimitError;
}
