export interface BatcherOptions<Item, Answer> {
  /** One call. Answers in the order of the items; when it rejects, each of its items is rejected with the same. */
  send: (items: readonly Item[]) => Promise<readonly Answer[]>;
  maxItems: number;
  /** Sum of the items' sizes in a call. A single item above it travels alone. */
  maxBytes: number;
  sizeOf: (item: Item) => number;
}

export interface Batcher<Item, Answer> {
  /** Resolves to this item's own answer. */
  add(item: Item): Promise<Answer>;
  /** Items that have no answer yet. */
  readonly pending: number;
}

interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly size: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Turns many small messages into few calls without ever waiting for company: while no call is in flight an item goes at
 * once (with those of the same turn of the event loop); while one is, items gather and go together after it.
 */
export function createBatcher<Item, Answer>(options: BatcherOptions<Item, Answer>): Batcher<Item, Answer> {
  const { send, maxItems, maxBytes, sizeOf } = options;
  const waiting: Waiting<Item, Answer>[] = [];
  let inFlight = 0;
  let running = false;

  const nextBatch = (): Waiting<Item, Answer>[] => {
    let count = 0;
    let bytes = 0;
    for (const { size } of waiting) {
      if (count === maxItems || (count > 0 && bytes + size > maxBytes)) break;
      count += 1;
      bytes += size;
    }
    return waiting.splice(0, count);
  };
  const drain = async (): Promise<void> => {
    running = true;
    // Those who are added in the same turn go along.
    await Promise.resolve();
    while (waiting.length > 0) {
      const batch = nextBatch();
      inFlight = batch.length;
      const settle = await answersTo(batch, send);
      inFlight = 0;
      settle();
    }
    running = false;
  };
  return {
    add: (item) =>
      new Promise((resolve, reject) => {
        waiting.push({ item, size: sizeOf(item), resolve, reject });
        if (!running) void drain();
      }),
    get pending() {
      return waiting.length + inFlight;
    },
  };
}

/** Makes the call; what it returns tells the items how it went. */
async function answersTo<Item, Answer>(
  batch: readonly Waiting<Item, Answer>[],
  send: BatcherOptions<Item, Answer>['send'],
): Promise<() => void> {
  try {
    const answers = await send(batch.map(({ item }) => item));
    if (answers.length !== batch.length) {
      throw new Error(`${batch.length} items were sent and ${answers.length} answers came back`);
    }
    return () => batch.forEach(({ resolve }, index) => resolve(answers[index] as Answer));
  } catch (error) {
    return () => batch.forEach(({ reject }) => reject(error));
  }
}
