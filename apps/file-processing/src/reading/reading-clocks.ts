import type { Worker } from 'node:worker_threads';
import type { ReadingReply } from './messages.ts';

/** In milliseconds: for reading alone, and for all of it with the recognition of text. */
interface ReadingTimes {
  readonly maxMs: number;
  readonly maxTotalMs: number;
}

/**
 * Calls `stop` with the limit that was reached. The clock of reading stands still while a page is recognised, which takes
 * seconds and has limits of its own. Returns what stops the clocks.
 */
export function startClocks(
  worker: Worker,
  { maxMs, maxTotalMs }: ReadingTimes,
  stop: (limitMs: number) => void,
): () => void {
  let leftMs = maxMs;
  let startedAt = performance.now();
  let reading = setTimeout(stop, leftMs, maxMs);
  const total = setTimeout(stop, maxTotalMs, maxTotalMs);
  const onMessage = (reply: ReadingReply) => {
    if (!('type' in reply) || reply.type !== 'recognising') return;
    clearTimeout(reading);
    if (reply.active) leftMs -= performance.now() - startedAt;
    else reading = setTimeout(stop, Math.max(0, leftMs), maxMs);
    startedAt = performance.now();
  };
  worker.on('message', onMessage);
  return () => {
    clearTimeout(reading);
    clearTimeout(total);
    worker.off('message', onMessage);
  };
}
