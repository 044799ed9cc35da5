import { limitPath, type TaskLimit } from '@longshore/contracts';

/** What counts the runs of one key of a task, as the database reads it. */
export interface StoredLimit {
  readonly per: string;
  /** The names on the way to the field of the input, if it is of one. */
  readonly path: string[] | null;
  readonly concurrency: number | null;
  readonly rates: readonly { readonly runs: number; readonly per_ms: number }[];
}

/** The limits of a task by what they count together, coarse before fine; null: it has none. */
export function storedLimits(limits: readonly TaskLimit[] = []): StoredLimit[] | null {
  if (limits.length === 0) return null;
  return [...Map.groupBy(limits, ({ per }) => per)]
    .map(([per, those]) => ({
      per,
      path: limitPath(per),
      concurrency: those.find(({ concurrency }) => concurrency !== undefined)?.concurrency ?? null,
      rates: those.flatMap(({ rate }) => (rate === undefined ? [] : [rate])),
    }))
    .toSorted((a, b) => coarseness(a.per) - coarseness(b.per) || (a.per < b.per ? -1 : 1));
}

function coarseness(per: string): number {
  const place = ['task', 'organisation'].indexOf(per);
  return place === -1 ? 2 : place;
}
