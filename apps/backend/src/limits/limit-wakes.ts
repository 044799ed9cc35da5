/** What is left for limits after a pool was published for. */
export interface LimitOutlook {
  /** Something that the pool could take waits for a limit. */
  readonly waiting: boolean;
  /** Until it is worth a look, ms; what is not above zero is worth one now. Null: somebody else will say so. */
  readonly wake_ms: number | null;
}

/** Calls back for a pool when a limit of something that waits for it may let it pass. */
export interface LimitWakes {
  /** What is known now about a pool; replaces what was known before. `ms` null: nothing. */
  set(pool: string, ms: number | null): void;
  stop(): void;
}

/** A later wake is found by the poll of every second, which sets it again. */
const LONGEST_MS = 60_000;

export function createLimitWakes(wake: (pool: string) => void): LimitWakes {
  const timers = new Map<string, NodeJS.Timeout>();
  function clear(pool: string): void {
    clearTimeout(timers.get(pool));
    timers.delete(pool);
  }
  return {
    set(pool, ms) {
      clear(pool);
      if (ms === null || ms > LONGEST_MS) return;
      const timer = setTimeout(() => {
        timers.delete(pool);
        wake(pool);
      }, ms);
      timers.set(pool, timer.unref());
    },
    stop() {
      for (const pool of [...timers.keys()]) clear(pool);
    },
  };
}
