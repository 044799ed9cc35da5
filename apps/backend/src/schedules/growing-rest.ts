const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;

/** How long to wait between tries of something for which there is no room: ever longer, up to half a minute. */
export interface GrowingRest {
  /** True when it is time for the next try. */
  isOver(): boolean;
  /** Ms until the next try; 0 when it is time. */
  leftMs(): number;
  /** There was no room. Answers with how long to wait, ms. */
  refused(): number;
  /** There was: the next wait is a short one again. */
  granted(): void;
}

export function createGrowingRest(clock: { monotonic(): number }): GrowingRest {
  let nextMs = FIRST_MS;
  let until = -Infinity;
  const leftMs = () => Math.max(0, until - clock.monotonic());
  return {
    isOver: () => leftMs() === 0,
    leftMs,
    refused() {
      const restMs = nextMs;
      until = clock.monotonic() + restMs;
      nextMs = Math.min(nextMs * 2, LONGEST_MS);
      return restMs;
    },
    granted() {
      nextMs = FIRST_MS;
      until = -Infinity;
    },
  };
}
