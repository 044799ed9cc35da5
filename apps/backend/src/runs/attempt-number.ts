import type { RunState } from '@longshore/contracts';

/** What of a run tells at which attempt it is. */
export interface Attempted {
  /** Null: it is not there yet. */
  readonly state: RunState | null;
  /** Attempts that failed: what counts against `max_attempts`. */
  readonly attempts: number;
  /** Whether its work went on in runs of its own; then it fails with them, and not by an attempt. Default: no. */
  readonly fannedOut?: boolean;
}

/**
 * The number of the attempt that a run is at, or that it ended with, from 1 on. Starts that were handed back or lost do not count. One that
 * failed for good has no other attempt: its last failure is the attempt itself.
 */
export function attemptNumber({ state, attempts, fannedOut = false }: Attempted): number {
  return state === 'failed' && !fannedOut ? Math.max(1, attempts) : attempts + 1;
}
