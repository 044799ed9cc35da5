import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';

/** How often and how patiently to try. At least one of `attempts` and `signal` must bound it. */
export type RetryOptions = {
  /** Delay ceiling of the first retry, milliseconds (default 100); doubles with each one. */
  baseMs?: number;
  /** No delay is ever longer than this, milliseconds (default 10,000). */
  capMs?: number;
  /** Errors for which this returns false are thrown at once. Default: every error is worth a retry. */
  shouldRetry?: (error: unknown) => boolean;
  /** Called before each wait, with the number of the attempt that failed (from 1). */
  onRetry?: (error: unknown, attempt: number, delayMs: number) => void;
  /** Uniform in [0, 1). */
  random?: () => number;
  clock?: Clock;
} & ({ attempts: number; signal?: AbortSignal } | { attempts?: number; signal: AbortSignal });

/**
 * Calls `fn` until it succeeds, with exponential backoff and full jitter: a delay is uniform between 0 and
 * `min(capMs, baseMs × 2^(n-1))`, so that many callers who failed together do not come back together.
 * Rejects with the last error when the attempts are used up, with the signal's reason once that aborts.
 */
export async function retry<T>(fn: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const { attempts = Infinity, signal, baseMs = 100, capMs = 10_000 } = options;
  const { random = Math.random, clock = systemClock, shouldRetry = () => true } = options;
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted();
    try {
      return await fn(attempt);
    } catch (error) {
      signal?.throwIfAborted();
      if (attempt >= attempts || !shouldRetry(error)) throw error;
      const delayMs = random() * Math.min(capMs, baseMs * 2 ** (attempt - 1));
      options.onRetry?.(error, attempt, delayMs);
      await clock.sleep(delayMs, signal);
    }
  }
}
