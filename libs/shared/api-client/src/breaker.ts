import type { Clock } from '@longshore/runtime';

/**
 * Keeps a crowd of callers from calling a backend that does not answer. Failing `THRESHOLD` times in a row opens it:
 * then nobody calls for a while, after which one caller alone may try. Success closes it.
 */
export interface Breaker {
  /** Milliseconds to wait before calling; 0 = call now, and tell how it went. */
  enter(): number;
  /** Somebody answered, if only with an error of its own. */
  succeeded(): void;
  failed(): void;
  /** A call got what it asked for. */
  served(): void;
  /** Whether any call got what it asked for since this moment (monotonic milliseconds). */
  servedSince(moment: number): boolean;
  /** Nothing was learnt (the caller gave up): a trial may be made by the next one. */
  abandoned(): void;
}

type State =
  | { readonly kind: 'closed'; readonly failures: number }
  | { readonly kind: 'open'; readonly until: number; readonly times: number }
  | { readonly kind: 'trying'; readonly times: number };

const THRESHOLD = 5;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
/** How often those who wait for somebody else's trial look again. */
const TRIAL_MS = 250;

export interface BreakerOptions {
  clock: Clock;
  random: () => number;
  onChange: (open: boolean) => void;
}

export function createBreaker({ clock, random, onChange }: BreakerOptions): Breaker {
  let state: State = { kind: 'closed', failures: 0 };
  let lastServed = -Infinity;
  const open = (times: number): State => {
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** times);
    return { kind: 'open', until: clock.monotonic() + pause * (0.5 + random() / 2), times: times + 1 };
  };
  const failing = (): State => {
    switch (state.kind) {
      case 'closed':
        return state.failures + 1 >= THRESHOLD ? open(0) : { kind: 'closed', failures: state.failures + 1 };
      case 'trying':
        return open(state.times);
      case 'open':
        // Called before it opened; nothing new.
        return state;
    }
  };
  return {
    enter: () => {
      if (state.kind === 'closed') return 0;
      if (state.kind === 'trying') return TRIAL_MS * (0.5 + random());
      const left = state.until - clock.monotonic();
      if (left > 0) return left;
      state = { kind: 'trying', times: state.times };
      return 0;
    },
    succeeded: () => {
      if (state.kind !== 'closed') onChange(false);
      state = { kind: 'closed', failures: 0 };
    },
    failed: () => {
      const next = failing();
      if (state.kind === 'closed' && next.kind === 'open') onChange(true);
      state = next;
    },
    served: () => {
      lastServed = clock.monotonic();
    },
    servedSince: (moment) => lastServed >= moment,
    abandoned: () => {
      if (state.kind === 'trying') state = { kind: 'open', until: clock.monotonic(), times: state.times };
    },
  };
}
