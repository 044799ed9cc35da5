import { MAX_BATCH_ITEMS, routes } from '@longshore/contracts';
import type { LogLinesRequest, ProgressRequest } from '@longshore/contracts';
import type { BackendClient } from '@longshore/api-client';
import type { Clock, Logger } from '@longshore/runtime';

type ProgressItem = ProgressRequest['items'][number];
type LogItem = LogLinesRequest['items'][number];

/** Progress and log lines of runs, on their way to the backend. They inform: nobody waits for them, and none is worth a failure. */
export interface Journal {
  /** Only the latest of a run counts. */
  progress(item: ProgressItem): void;
  log(item: LogItem): void;
  /** Resolves when everything was sent or given up, at the latest when the signal aborts. */
  flush(deadline: AbortSignal): Promise<void>;
}

export interface JournalOptions {
  client: Pick<BackendClient, 'call'>;
  logger: Logger;
  clock: Clock;
}

/** At most so many lines wait; a handler that logs in a tight loop loses lines, not the process its memory. */
const MAX_WAITING = 5_000;
/** Pause between two calls: what comes meanwhile goes together. */
const PAUSE_MS = 200;

export function createJournal({ client, logger, clock }: JournalOptions): Journal {
  const latest = new Map<string, ProgressItem>();
  const lines: LogItem[] = [];
  let dropped = 0;

  const sendProgress = pump(clock, async () => {
    const items = [...latest.values()].slice(0, MAX_BATCH_ITEMS);
    if (items.length === 0) return false;
    for (const { token } of items) latest.delete(token);
    await client.call(routes.progress, { body: { items } }).catch((error: unknown) => {
      logger.debug('progress not delivered', { items: items.length, error });
    });
    return true;
  });
  const sendLines = pump(clock, async () => {
    const items = lines.splice(0, MAX_BATCH_ITEMS);
    if (items.length === 0) return false;
    if (dropped > 0) logger.warn('log lines of runs dropped', { lines: dropped });
    dropped = 0;
    await client.call(routes.logLines, { body: { items } }).catch((error: unknown) => {
      logger.debug('log lines not delivered', { items: items.length, error });
    });
    return true;
  });
  return {
    progress: (item) => {
      latest.set(item.token, item);
      sendProgress();
    },
    log: (item) => {
      if (lines.length < MAX_WAITING) lines.push(item);
      else dropped += 1;
      sendLines();
    },
    flush: async (deadline) => {
      while ((latest.size > 0 || lines.length > 0) && !deadline.aborted) {
        await Promise.allSettled([sendProgress(), sendLines()]);
      }
    },
  };
}

/** Calls `send` until it has nothing more, one at a time and with pauses. The promise is that of the running round. */
function pump(clock: Clock, send: () => Promise<boolean>): () => Promise<void> {
  let running: Promise<void> | undefined;
  const round = async (): Promise<void> => {
    while (await send()) await clock.sleep(PAUSE_MS);
    running = undefined;
  };
  return () => (running ??= round());
}
