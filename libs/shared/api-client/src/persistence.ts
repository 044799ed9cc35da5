import type { Clock } from '@longshore/runtime';
import type { Breaker } from './breaker.ts';
import { BackendUnavailableError, isRetryable, isUnavailable, retryAfterMsOf } from './errors.ts';

export interface Persistence {
  /** Tries altogether; `Infinity` needs a signal to end it. */
  readonly attempts: number;
  /**
   * Once its attempts are used up it is tried on until this time has passed since the first try, milliseconds (default 0): a backend
   * that starts anew answers all calls with errors for a while. Not when other calls are served meanwhile; then it is about this one.
   */
  readonly patienceMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const BASE_MS = 200;
const CAP_MS = 10_000;
/** A `Retry-After` is honoured, but no answer may put us to sleep for hours. */
const LONGEST_WAIT_MS = 60_000;

/** The breaker kept a call from being made. */
class HeldBackError extends BackendUnavailableError {}

/**
 * Calls until it succeeds: waits between tries with exponential backoff and full jitter, at least as long as the
 * answer and the breaker ask. An error that a later try cannot mend is thrown at once, else in
 * the end the last one that a call met: that it was held back says nothing of why.
 */
export async function persist<T>(
  call: () => Promise<T>,
  { attempts, patienceMs = 0, signal }: Persistence,
  { breaker, clock, random }: { breaker: Breaker; clock: Clock; random: () => number },
): Promise<T> {
  const since = clock.monotonic();
  const isGivenUp = (attempt: number): boolean =>
    attempt >= attempts && (clock.monotonic() - since >= patienceMs || breaker.servedSince(since));
  let met: unknown;
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted();
    try {
      return await guarded(call, breaker, signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof HeldBackError)) met = error;
      if (!isRetryable(error) || isGivenUp(attempt)) throw met ?? error;
      const backoff = random() * Math.min(CAP_MS, BASE_MS * 2 ** (attempt - 1));
      await clock.sleep(Math.min(LONGEST_WAIT_MS, Math.max(backoff, retryAfterMsOf(error))), signal);
    }
  }
}

async function guarded<T>(
  call: () => Promise<T>,
  breaker: Breaker,
  signal: AbortSignal | undefined,
): Promise<T> {
  const waitMs = breaker.enter();
  if (waitMs > 0) throw new HeldBackError('it failed repeatedly, waiting before the next call', waitMs);
  try {
    const result = await call();
    breaker.succeeded();
    breaker.served();
    return result;
  } catch (error) {
    if (signal?.aborted) breaker.abandoned();
    else if (isUnavailable(error)) breaker.failed();
    else breaker.succeeded();
    throw error;
  }
}
