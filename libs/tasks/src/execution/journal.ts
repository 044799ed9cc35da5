import { MAX_BATCH_BYTES, MAX_BATCH_ITEMS, workerRoutes as routes } from '@longshore/contracts';
import type { LogLinesRequest, ProgressRequest } from '@longshore/contracts';
import type { BackendClient } from '@longshore/api-client';
import type { Clock, Logger } from '@longshore/runtime';
import { sizeOfLine } from './log-lines.ts';
import { unlessAborted } from './unless-aborted.ts';

type ProgressItem = ProgressRequest['items'][number];
type LogItem = LogLinesRequest['items'][number];

/**
 * Progress and log lines of runs, on their way to the backend. They inform: nobody waits for them, and what cannot be
 * delivered is dropped.
 */
export interface Journal {
  /** Only the latest of a run counts. */
  progress(item: ProgressItem): void;
  log(item: LogItem): void;
  /** Resolves when everything was sent or dropped, at the latest when the signal aborts. */
  flush(deadline: AbortSignal): Promise<void>;
}

export interface JournalOptions {
  client: Pick<BackendClient, 'call'>;
  logger: Logger;
  clock: Clock;
}

/** What one run may log is bounded; beyond this, what all of them log at once is lost, not the memory of the process. */
const MAX_WAITING_BYTES = 32 * 1024 * 1024;
/** Between two calls when nothing more waits: what comes meanwhile goes together. */
const PAUSE_MS = 200;

export function createJournal({ client, logger, clock }: JournalOptions): Journal {
  const latest = new Map<string, ProgressItem>();
  const lines: LogItem[] = [];
  let waitingBytes = 0;
  let lost = 0;

  const progress = pump(clock, {
    take: () => {
      const items = batchOf(latest.values());
      for (const { token } of items) latest.delete(token);
      return items;
    },
    more: () => latest.size > 0,
    send: (items) => client.call(routes.progress, { body: { items } }),
    failed: (error) => logger.debug('progress not delivered', { error }),
  });
  const log = pump(clock, {
    take: () => {
      if (lost > 0) logger.warn('log lines of runs lost', { lines: lost });
      lost = 0;
      const items = lines.splice(0, batchOf(lines).length);
      for (const item of items) waitingBytes -= sizeOfLine(item);
      return items;
    },
    more: () => lines.length > 0,
    send: (items) => client.call(routes.logLines, { body: { items } }),
    failed: (error) => logger.debug('log lines not delivered', { error }),
  });
  return {
    progress: (item) => {
      latest.set(item.token, item);
      void progress();
    },
    log: (item) => {
      if (waitingBytes < MAX_WAITING_BYTES) {
        waitingBytes += sizeOfLine(item);
        lines.push(item);
      } else lost += 1;
      void log();
    },
    flush: (deadline) => unlessAborted(Promise.all([progress(), log()]), deadline).then(noop, noop),
  };
}

/** The first of these that go in one call together. */
function batchOf<Item extends object>(waiting: Iterable<Item>): Item[] {
  const items: Item[] = [];
  let bytes = 0;
  for (const item of waiting) {
    bytes += JSON.stringify(item).length;
    if (items.length > 0 && (items.length === MAX_BATCH_ITEMS || bytes > MAX_BATCH_BYTES)) break;
    items.push(item);
  }
  return items;
}

interface Pumped<Item> {
  take: () => Item[];
  /** Whether there is something left to be sent at once. */
  more: () => boolean;
  send: (items: Item[]) => Promise<unknown>;
  failed: (error: unknown) => void;
}

/** Sends until there is nothing more, one call at a time. The answer is the end of the round that is under way. */
function pump<Item>(clock: Clock, { take, more, send, failed }: Pumped<Item>): () => Promise<void> {
  let running: Promise<void> | undefined;
  const round = async (): Promise<void> => {
    // So that `running` is set before the round can end.
    await Promise.resolve();
    for (let items = take(); items.length > 0; items = take()) {
      const full = more();
      await send(items).catch(failed);
      if (!full) await clock.sleep(PAUSE_MS);
    }
    running = undefined;
  };
  return () => (running ??= round());
}

function noop(): void {
  // Flushed or too late: nobody acts on either.
}
