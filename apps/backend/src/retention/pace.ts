import type { Clock } from '@longshore/runtime';

/** After a batch, this many times as long passes before the next: the database keeps most of its time for others. */
const REST_FACTOR = 3;
const LEAST_REST_MS = 10;

/**
 * Runs batches until one says that nothing is left (`false`), or until the signal fires. Answers whether it came to
 * the end.
 */
export async function inBatches(
  batch: () => Promise<boolean>,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<boolean> {
  while (!signal.aborted) {
    const startedAt = clock.monotonic();
    if (!(await batch())) return true;
    const tookMs = clock.monotonic() - startedAt;
    await clock.sleep(Math.max(LEAST_REST_MS, tookMs * REST_FACTOR), signal).catch(() => undefined);
  }
  return false;
}
