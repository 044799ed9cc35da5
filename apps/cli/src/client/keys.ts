import { type KeyView, routes } from '@longshore/contracts';
import { readItems } from './pages.ts';
import type { PlatformClient } from './platform-client.ts';

/** All keys that the filter finds, newest first. */
export async function readKeys(
  client: PlatformClient,
  filter: Readonly<Record<string, string>> = {},
): Promise<KeyView[]> {
  const readPage = async (page: Record<string, string>) => {
    const { keys, next_cursor } = await client.call(routes.listKeys, { query: { ...filter, ...page } });
    return { items: keys, next_cursor };
  };
  const { items } = await readItems(readPage, { limit: Number.POSITIVE_INFINITY });
  return items;
}
