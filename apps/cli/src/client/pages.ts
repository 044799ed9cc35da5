const MOST_ON_A_PAGE = 1_000;

export interface ItemPage<Item> {
  readonly items: readonly Item[];
  /** Null: there is nothing behind it. */
  readonly next_cursor: string | null;
}

/** Reads page after page until `limit` items are there, or all. */
export async function readItems<Item>(
  readPage: (query: Record<string, string>) => Promise<ItemPage<Item>>,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): Promise<{ items: Item[]; next_cursor: string | null }> {
  const items: Item[] = [];
  for (let next: string | null | undefined = cursor; ;) {
    const size = String(Math.min(limit - items.length, MOST_ON_A_PAGE));
    const page: ItemPage<Item> = await readPage({ limit: size, ...(next != null && { cursor: next }) });
    items.push(...page.items);
    next = page.next_cursor;
    if (next === null || items.length >= limit) return { items, next_cursor: next };
  }
}
