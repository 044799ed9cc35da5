export interface RetrySettings {
  /** Tries of a call that may be repeated, the first included. Default 4. */
  readonly attempts?: number;
  /** Waits; rejects with the signal's reason when that fires. Default: a timer. */
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 60_000;
/** Too many requests, and what stands for "not now". */
const PASSING = new Set([429, 502, 503, 504]);

interface Persistence extends RetrySettings {
  /** Whether sending it twice does no harm. A refusal for load is tried again in any case: nothing has happened. */
  readonly repeatable: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Sends until there is an answer worth handing on. Waits as long as the answer asks, else longer from try to try. */
export async function sendPersistently(
  send: () => Promise<Response>,
  { attempts = ATTEMPTS, sleep = defaultSleep, repeatable, signal }: Persistence,
): Promise<Response> {
  for (let attempt = 1; ; attempt += 1) {
    const last = attempt >= attempts;
    const pauseMs = FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
    try {
      const response = await send();
      const again = response.status === 429 || (repeatable && PASSING.has(response.status));
      if (!again || last) return response;
      const asked = Number(response.headers.get('retry-after') ?? 0) * 1000;
      // Nobody reads this answer; its connection is free again once its body is gone.
      await response.body?.cancel();
      await sleep(Math.min(Math.max(pauseMs, asked || 0), LONGEST_PAUSE_MS), signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (!repeatable || last) throw error;
      await sleep(pauseMs, signal);
    }
  }
}

/** @throws the signal's reason */
export function defaultSleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const give = () => {
      clearTimeout(timer);
      reject(signal!.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', give);
      resolve();
    }, ms);
    signal?.addEventListener('abort', give, { once: true });
  });
}
