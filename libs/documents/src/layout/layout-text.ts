import type { Line, ReadDocument, ReadLimits, Segment } from '../document.ts';
import { createTextBudget } from './piece-budget.ts';
import { shownWidth } from './shown-width.ts';

/** Between cells of a row, so that they can be told from words. */
const GAP = 2;
/** Wider than any page; what stands further out is no layout but an attack. */
const MAX_COLUMN = 500;
/** Kinds whose places are cells, not points: they are as wide as what they hold. */
const CELL_WIDTH = 100;
const USUAL_WIDTH = 5;

/** The text of a document with its columns kept, each below itself, filled up with spaces. Pages are separated by a form feed. */
export function layoutText({ kind, lines, text }: ReadDocument, limits: ReadLimits): string {
  if (kind === 'txt' || lines.length === 0) return text;
  const take = createTextBudget(limits.maxTextBytes);
  const pages = [...Map.groupBy(lines, ({ page }) => page).values()];
  return pages.map((page) => pageText(page, take)).join('\n\f');
}

function pageText(lines: readonly Line[], take: (count: number) => void): string {
  const { columns, edgeOf } = columnsOf(lines);
  let text = '';
  let previous: Line | undefined;
  for (const line of lines) {
    if (previous !== undefined) text += isApart(previous, line) ? '\n\n' : '\n';
    const row = rowText(line.segments, (left) => columns.get(edgeOf(left)) ?? 0);
    take(row.length + 1);
    text += row;
    previous = line;
  }
  return text;
}

function isApart(above: Line, { top, height }: Line): boolean {
  return top - above.top > 1.8 * Math.max(height, above.height);
}

function rowText(segments: readonly Segment[], columnOf: (left: number) => number): string {
  let row = '';
  let width = 0;
  for (const { text, left } of segments) {
    const from = row === '' ? 0 : width + GAP;
    const column = Math.max(from, columnOf(left));
    row += ' '.repeat(column - width) + text;
    width = column + shownWidth(text);
  }
  return row;
}

interface Columns {
  readonly columns: ReadonlyMap<number, number>;
  /** What a left edge counts as. */
  readonly edgeOf: (left: number) => number;
}

/**
 * The column of characters at which each left edge begins: in proportion to the page, and moved to the right where what
 * stands before it in some row is longer. The same edge is the same column in all rows.
 */
function columnsOf(lines: readonly Line[]): Columns {
  const segments = lines.flatMap((line) => line.segments);
  const width = characterWidth(segments);
  const first = segments.reduce((least, { left }) => Math.min(least, left), Infinity);
  // Edges less than a letter apart are one: scans are never quite straight.
  const edgeOf = (left: number) => (width === Infinity ? left : Math.round((left - first) / width));
  const before = neighbours(lines, edgeOf);
  const columns = new Map<number, number>();
  const edges = new Set(segments.map(({ left }) => edgeOf(left)));
  for (const edge of [...edges].sort((one, other) => one - other)) {
    let column = width === Infinity ? 0 : edge;
    for (const { left, text } of before.get(edge) ?? [])
      column = Math.max(column, (columns.get(edgeOf(left)) ?? 0) + shownWidth(text) + GAP);
    columns.set(edge, Math.min(column, MAX_COLUMN));
  }
  return { columns, edgeOf };
}

/** What stands right before each edge in any row. */
function neighbours(lines: readonly Line[], edgeOf: Columns['edgeOf']): Map<number, Segment[]> {
  const before = new Map<number, Segment[]>();
  for (const { segments } of lines) {
    for (const [index, { left }] of segments.entries()) {
      const previous = segments[index - 1];
      if (previous === undefined) continue;
      const known = before.get(edgeOf(left));
      if (known === undefined) before.set(edgeOf(left), [previous]);
      else known.push(previous);
    }
  }
  return before;
}

/** Of a letter, in the unit of the edges: the middle of what all segments have. Cells have none and take what they need. */
function characterWidth(segments: readonly Segment[]): number {
  const isCell = segments.every(({ left, right }) => right - left === CELL_WIDTH - 1);
  if (isCell) return Infinity;
  const widths = segments
    .filter(({ text, left, right }) => text.length > 2 && right > left)
    .map(({ text, left, right }) => (right - left) / Math.max(1, shownWidth(text)))
    .sort((one, other) => one - other);
  return widths[Math.floor(widths.length / 2)] ?? USUAL_WIDTH;
}
