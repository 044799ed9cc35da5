import type { DispatchMessage } from '@longshore/contracts';
import type { Clock } from '@longshore/runtime';

/** The dispatches that this process holds, one slot each. */
export interface Slots {
  /** Carries the dispatch out. Resolves at once when it is held already: then this message is a repetition. */
  take(message: DispatchMessage): Promise<void>;
  /** Resolves when those that are held now are done. */
  idle(): Promise<unknown>;
  state(): { readonly busySlots: number; readonly lastFreedAt: number | undefined };
}

/** `carryOut` never rejects. */
export function createSlots(
  { clock, onChange }: { clock: Clock; onChange: () => void },
  carryOut: (message: DispatchMessage) => Promise<void>,
): Slots {
  const held = new Map<string, Promise<void>>();
  let lastFreedAt: number | undefined;
  return {
    take: async (message) => {
      const { dispatch_id: id } = message;
      if (held.has(id)) return;
      const work = carryOut(message);
      held.set(id, work);
      onChange();
      await work;
      held.delete(id);
      lastFreedAt = clock.monotonic();
      onChange();
    },
    idle: () => Promise.all(held.values()),
    state: () => ({ busySlots: held.size, lastFreedAt }),
  };
}
