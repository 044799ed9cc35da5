import type { PastAttempt } from '@longshore/contracts';

const ENDS = {
  failed: 'failed and is tried again',
  handed_back: 'was handed back by a worker that stopped, and begins again',
  worker_lost: 'lost its worker, and begins again',
} as const;

/** How an attempt ended, and why. `final`: no other follows. */
export function attemptWords({
  attempt,
  outcome,
  error,
  final = false,
}: Pick<PastAttempt, 'attempt' | 'outcome' | 'error'> & { readonly final?: boolean }): string {
  const why = error === null ? '' : `: ${error.message} (${error.code})`;
  return `attempt ${attempt} ${final ? 'failed' : ENDS[outcome]}${why}`;
}
