import type { Clock } from '@longshore/runtime';

/** Lines of runs that speak at once become visible out of turn: the last seconds are read once more. */
const OVERLAP_MS = 3_000;

/** Which lines of a log were told, so that each is told once. */
export interface LineMemory {
  /** From here on lines are to be read. */
  after(): number;
  /** Those that were not told yet, which are told now. */
  unknown<Line extends { readonly line: number }>(lines: readonly Line[]): Generator<Line>;
  /** The greatest that was told. */
  last(): number;
}

export function createLineMemory(clock: Pick<Clock, 'monotonic'>, from: number): LineMemory {
  const recent = new Map<number, number>();
  let settled = from;
  let greatest = from;

  function settle(): void {
    const since = clock.monotonic() - OVERLAP_MS;
    const unsettled = [...recent].filter(([, toldAt]) => toldAt > since).map(([line]) => line);
    const least = Math.min(...unsettled, Infinity);
    for (const line of recent.keys()) {
      if (line >= least) continue;
      settled = Math.max(settled, line);
      recent.delete(line);
    }
  }

  return {
    after() {
      settle();
      // A page may hold nothing but what is recent: then it is read on from its end.
      return recent.size < MOST_RECENT ? settled : greatest;
    },
    *unknown(lines) {
      for (const line of lines) {
        if (recent.has(line.line)) continue;
        recent.set(line.line, clock.monotonic());
        greatest = Math.max(greatest, line.line);
        yield line;
      }
    },
    last: () => greatest,
  };
}

/** With so many lines in so few seconds none is looked for once more. */
const MOST_RECENT = 200;
