import { apiError } from '@longshore/contracts';
import type { z } from 'zod';

/** Where a page begins, as the client carries it: the sort key of the last item before it. */
function encodeCursor(key: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** The sort key in a cursor, or null where there is none. @throws ApiError 400 for what this list never gave out. */
export function decodeCursor<Key>(cursor: string | undefined, key: z.ZodType<Key>): Key | null {
  if (cursor === undefined) return null;
  const parsed = key.safeParse(parsedOrNull(Buffer.from(cursor, 'base64url').toString()));
  if (!parsed.success) throw apiError('invalid', 'This is no cursor of this list', 'cursor');
  return parsed.data;
}

function parsedOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What is not JSON is told the same as what is no cursor of this list.
    return null;
  }
}

/**
 * One page of rows that were read with a limit of one more than wanted: that one tells that there is a next page.
 */
export function pageOf<Row>(
  rows: readonly Row[],
  limit: number,
  keyOf: (row: Row) => readonly (string | number)[],
): { items: Row[]; next_cursor: string | null } {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return {
    items,
    next_cursor: rows.length > limit && last !== undefined ? encodeCursor(keyOf(last)) : null,
  };
}
