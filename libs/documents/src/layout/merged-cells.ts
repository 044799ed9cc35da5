import type { TakePieces } from './piece-budget.ts';

/** A cell that reaches over several rows, with its place in the rows that it begins in. */
export interface Merge {
  readonly row: number;
  readonly column: number;
  /** How many rows it reaches over, its own among them. */
  readonly rows: number;
}

/**
 * Repeats a cell in every row that it reaches over, for what it says holds for each of them. Over several columns it is
 * not repeated: it would seem to be several values.
 */
export function fillMerged(
  rows: readonly (readonly string[])[],
  merges: readonly Merge[],
  take: TakePieces,
): readonly (readonly string[])[] {
  if (merges.length === 0) return rows;
  const filled = rows.map((row) => [...row]);
  for (const { row, column, rows: reach } of merges) {
    const text = filled[row]?.[column];
    if (text === undefined || text === '') continue;
    for (const below of filled.slice(row + 1, row + reach)) {
      take(Math.max(1, column + 1 - below.length));
      while (below.length < column) below.push('');
      if ((below[column] ?? '') === '') below[column] = text;
    }
  }
  return filled;
}
