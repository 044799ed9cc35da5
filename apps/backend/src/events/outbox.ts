/** Gathers what is to be sent while something is being sent. */
export interface Outbox<Item> {
  add(items: readonly Item[]): void;
  /** Resolves when nothing waits and nothing is under way. */
  empty(): Promise<void>;
}

/** Never more than one call of `send` at a time; what comes meanwhile goes together in the next. `send` never rejects. */
export function createOutbox<Item>(send: (items: readonly Item[]) => Promise<void>): Outbox<Item> {
  let waiting: Item[] = [];
  let sending: Promise<void> | null = null;

  async function sendWhatWaits(): Promise<void> {
    while (waiting.length > 0) {
      const items = waiting;
      waiting = [];
      await send(items);
    }
    sending = null;
  }

  return {
    add(items) {
      waiting.push(...items);
      sending ??= sendWhatWaits();
    },
    empty: async () => {
      await sending;
    },
  };
}
