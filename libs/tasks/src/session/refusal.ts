import { ApiError, errorBodySchema } from '@longshore/contracts';
import { type Clock, type Logger, SetUpError } from '@longshore/runtime';

/** Why the backend does not let this worker in, in its words: the key is not good. Undefined where it is about something else. */
export function refusalIn(error: unknown): string | undefined {
  return error instanceof ApiError && isRefusal(error.status) ? error.message : undefined;
}

/** Whether an answer with this status says that the key is not good. */
export function isRefusal(status: number | null): boolean {
  return status === 401 || status === 403;
}

/** What an answer says, out of its JSON where it has the form of our errors. */
export function wordsOf(body: string): string {
  try {
    return errorBodySchema
      .parse(JSON.parse(body))
      .errors.map(({ detail }) => detail)
      .join('; ');
  } catch {
    // A proxy on the way has a form of its own.
    return body;
  }
}

/** The key of this worker is good, and does not cover the worker or its queues: a mistake in the set-up, which no other try mends. */
class NotCoveredError extends SetUpError {
  override readonly name = 'NotCoveredError';
}

/** Throws what ended the start of a worker: of a key that does not cover it, that another try is in vain; anything else as it was. */
export function failStart(error: unknown): never {
  if (!(error instanceof ApiError) || error.status !== 403) throw error;
  throw new NotCoveredError(`${error.message.replace(/\.$/, '')}. Asking again does not help.`, {
    cause: error,
  });
}

const TOLD_EVERY_MS = 60_000;

/** Tells at once that the backend refuses this worker, and why; then, as long as it does, every minute. A reason that changes is told at once. */
export function refusalTeller({
  logger,
  clock,
}: {
  logger: Pick<Logger, 'error'>;
  clock: Pick<Clock, 'monotonic'>;
}): (reason: string, retryMs: number) => void {
  let told: { readonly reason: string; readonly at: number } | undefined;
  return (reason, retryMs) => {
    const now = clock.monotonic();
    if (told?.reason === reason && now - told.at < TOLD_EVERY_MS) return;
    told = { reason, at: now };
    logger.error('the backend refuses this worker', { reason, retry_ms: retryMs });
  };
}
