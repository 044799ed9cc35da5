import type { Clock, Logger } from '@longshore/runtime';

/** Work that is repeated for as long as the backend lives. */
export interface PeriodicWork {
  readonly label: string;
  readonly everyMs: number;
  /** The signal fires when the backend stops; long work ends soon after. */
  readonly run: (signal: AbortSignal) => Promise<unknown>;
}

/**
 * Starts each work now and again `everyMs` after its last end, so that it never overlaps itself. What throws is
 * logged and tried again. The returned function stops them and resolves when none runs any more.
 */
export function startPeriodicWork(
  works: readonly PeriodicWork[],
  clock: Clock,
  logger: Logger,
): () => Promise<void> {
  const stopping = new AbortController();
  const loops = works.map((work) => repeat(work, clock, logger, stopping.signal));
  return async () => {
    stopping.abort();
    await Promise.all(loops);
  };
}

async function repeat(work: PeriodicWork, clock: Clock, logger: Logger, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await work.run(signal);
    } catch (error) {
      logger.error('Periodic work failed; tried again', { work: work.label, error });
    }
    await clock.sleep(work.everyMs, signal).catch(() => undefined);
  }
}
