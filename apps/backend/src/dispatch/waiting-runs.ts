import { ApiError, errorCodes } from '@longshore/contracts';
import type { Clock } from '@longshore/runtime';
import type { Database } from '../store/database.ts';
import { measureQueueDepths } from './queue-depths.ts';

/**
 * How many runs wait in the database to be executed, and the end of what may. It is known without asking: from the last
 * measurement and what was accepted here since. Several backends learn of what the others accepted with the next measurement, so
 * together they may go over the limit by as much as they accept in two seconds.
 */
export interface WaitingRuns {
  /** Measures queues and with them all that waits. To be called every now and then; never runs twice at once. */
  measure(): Promise<void>;
  /** @throws ApiError 503 with Retry-After when as many wait as may. */
  refuseWhenFull(): Promise<void>;
  /**
   * Counts one that is about to be written. To be told in the end whether it was.
   *
   * @throws ApiError as {@link refuseWhenFull}.
   */
  admit(): Promise<(written: boolean) => void>;
}

export interface WaitingRunsDependencies {
  readonly database: Database;
  readonly clock: Clock;
  /** MAX_WAITING_RUNS. */
  readonly most: number;
}

/** When it seems full it is measured again, so that room is found soon; not more often than this. */
const FRESH_MS = 200;
/** What a refused client should wait, seconds. */
const RETRY_AFTER_SECONDS = 10;

export function createWaitingRuns({ database, clock, most }: WaitingRunsDependencies): WaitingRuns {
  let measured = 0;
  let measuredAt = -Infinity;
  let writing = 0;
  let writtenSince = 0;
  let measuring: Promise<void> | null = null;

  async function measureNow(): Promise<void> {
    const startedAt = clock.monotonic();
    // What is written while it is measured may be counted twice until the next time, but never not at all.
    const before = writtenSince;
    measured = await measureQueueDepths(database);
    writtenSince -= before;
    measuredAt = startedAt;
  }

  function measure(): Promise<void> {
    measuring ??= measureNow().finally(() => (measuring = null));
    return measuring;
  }

  const isFull = () => measured + writing + writtenSince >= most;

  async function refuseWhenFull(): Promise<void> {
    if (isFull() && clock.monotonic() - measuredAt > FRESH_MS) await measure();
    if (isFull()) throw full(most);
  }

  return {
    measure,
    refuseWhenFull,
    async admit() {
      // Others may have been counted by the time that the last check is heard of: it is certain only when there is no pause after it.
      do await refuseWhenFull();
      while (isFull());
      writing += 1;
      return (written) => {
        writing -= 1;
        if (written) writtenSince += 1;
      };
    },
  };
}

function full(most: number): ApiError {
  const code = 'unavailable';
  const detail = `${most} runs wait to be executed; no more are accepted for the moment`;
  return new ApiError(errorCodes[code], [{ code, detail, attr: null }], RETRY_AFTER_SECONDS);
}
