import { MAX_BATCH_ITEMS, routes } from '@longshore/contracts';
import type { LogLinesRequest, ProgressRequest } from '@longshore/contracts';
import type { BackendClient } from '@longshore/api-client';
import type { Clock, Logger } from '@longshore/runtime';
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

/** A handler that logs in a tight loop loses lines, not the process its memory. */
const MAX_WAITING = 5_000;
/** Between two calls: what comes meanwhile goes together. */
const PAUSE_MS = 200;

export function createJournal({ client, logger, clock }: JournalOptions): Journal {
  const latest = new Map<string, ProgressItem>();
  const lines: LogItem[] = [];
  let lost = 0;

  const progress = pump(clock, {
    take: () => {
      const items = [...latest.values().take(MAX_BATCH_ITEMS)];
      for (const { token } of items) latest.delete(token);
      return items;
    },
    send: (items) => client.call(routes.progress, { body: { items } }),
    failed: (error) => logger.debug('progress not delivered', { error }),
  });
  const log = pump(clock, {
    take: () => {
      if (lost > 0) logger.warn('log lines of runs lost', { lines: lost });
      lost = 0;
      return lines.splice(0, MAX_BATCH_ITEMS);
    },
    send: (items) => client.call(routes.logLines, { body: { items } }),
    failed: (error) => logger.debug('log lines not delivered', { error }),
  });
  return {
    progress: (item) => {
      latest.set(item.token, item);
      void progress();
    },
    log: (item) => {
      if (lines.length < MAX_WAITING) lines.push(item);
      else lost += 1;
      void log();
    },
    flush: (deadline) => unlessAborted(Promise.all([progress(), log()]), deadline).then(noop, noop),
  };
}

interface Pumped<Item> {
  take: () => Item[];
  send: (items: Item[]) => Promise<unknown>;
  failed: (error: unknown) => void;
}

/** Sends until there is nothing more, one call at a time. The answer is the end of the round that is under way. */
function pump<Item>(clock: Clock, { take, send, failed }: Pumped<Item>): () => Promise<void> {
  let running: Promise<void> | undefined;
  const round = async (): Promise<void> => {
    // So that `running` is set before the round can end.
    await Promise.resolve();
    for (let items = take(); items.length > 0; items = take()) {
      await send(items).catch(failed);
      await clock.sleep(PAUSE_MS);
    }
    running = undefined;
  };
  return () => (running ??= round());
}

function noop(): void {
  // Flushed or too late: nobody acts on either.
}
