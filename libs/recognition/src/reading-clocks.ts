import type { Worker } from 'node:worker_threads';

/** What a reading thread says when recognition of a page, which has a time limit of its own, begins or ends. */
export interface RecognisingMessage {
  readonly type: 'recognising';
  readonly active: boolean;
  /** Counted from 1. */
  readonly page: number;
}

/** Milliseconds that one file may take for recognition, if all else allows it. */
export const MAX_RECOGNITION_MS = 1_800_000;

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
  const onMessage = (reply: RecognisingMessage | { readonly type?: unknown }) => {
    if (!isRecognising(reply)) return;
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

/** Other messages of the thread are none of the clocks' business. */
function isRecognising(reply: { readonly type?: unknown }): reply is RecognisingMessage {
  return reply.type === 'recognising';
}
