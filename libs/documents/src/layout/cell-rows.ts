import type { Line, Segment } from '../document.ts';

/** Wide enough that cells of neighbouring columns never touch. */
const CELL = 100;

/**
 * Rows of cells as lines, every cell above the one below it. A cell of several lines spans several rows, so
 * that a label and the value under it in the same cell are one below the other.
 * @param top where the first row stands
 */
export function cellRowsToLines(rows: readonly (readonly string[])[], top = 0, page = 1): Line[] {
  const lines: Line[] = [];
  for (const [index, row] of rows.entries()) {
    const cells = row.map((cell) => cell.split('\n'));
    const depth = cells.reduce((most, cell) => Math.max(most, cell.length), 1);
    for (let level = 0; level < depth; level += 1) {
      lines.push({
        page,
        top: top + lines.length,
        height: 1,
        row: top + index + 1,
        segments: levelSegments(cells, level),
      });
    }
  }
  return lines;
}

function levelSegments(cells: readonly (readonly string[])[], level: number): Segment[] {
  return cells.flatMap((cell, column) => {
    const text = cell[level]?.trim() ?? '';
    return text === '' ? [] : [{ text, left: column * CELL, right: column * CELL + CELL - 1 }];
  });
}
