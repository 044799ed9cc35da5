import type { ReadLimits } from '../document.ts';
import { UnreadableError } from '../unreadable.ts';

/** Throws UnreadableError `too_many_pages` when there are more pages, slides or sheets than are allowed. */
export function assertPages(count: number, what: string, { maxPages }: ReadLimits): void {
  if (count <= maxPages) return;
  throw new UnreadableError(
    'too_many_pages',
    `The file has ${count} ${what}; at most ${maxPages} are allowed.`,
  );
}
