import type { Clock } from '@longshore/runtime';

/** Moves the slots of a worker between its bounds. */
export interface Autoscaler {
  /** Slots there are at the moment. */
  readonly concurrency: number;
  /** Decides anew. To be called when a slot is taken or set free, when a heartbeat was answered, and about every second. */
  look(): void;
}

export interface AutoscalerOptions {
  /** Slots it begins with and comes back to. */
  min: number;
  /** The same as `min`: they stay as they are. */
  max: number;
  clock: Clock;
  facts: () => { readonly busySlots: number; readonly dispatched: number };
  /** There are other slots than before. */
  onChange: (concurrency: number) => void;
}

/** Needing no more than the lower bound for so long, it goes back to it. */
const IDLE_MS = 60_000;

/**
 * All slots busy beside work that nobody claimed: up to the upper bound in one step, for a slot that is not used costs nothing. Sixty
 * seconds with nothing waiting and no more runs than the lower bound allows: back to it.
 */
export function createAutoscaler({ min, max, clock, facts, onChange }: AutoscalerOptions): Autoscaler {
  let concurrency = min;
  let neededAt = clock.monotonic();

  const change = (wanted: number): void => {
    concurrency = wanted;
    onChange(wanted);
  };
  const look = (): void => {
    const { busySlots, dispatched } = facts();
    const now = clock.monotonic();
    if (busySlots > min || dispatched > 0) neededAt = now;
    if (dispatched > 0 && busySlots >= concurrency && concurrency < max) change(max);
    else if (concurrency > min && now - neededAt >= IDLE_MS) change(min);
  };
  return {
    get concurrency() {
      return concurrency;
    },
    look,
  };
}
