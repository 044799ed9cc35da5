import type { Line, Segment, Table } from '../document.ts';

/** Lines further apart than this many line heights do not belong together. */
const REACH = 3;
const MIN_COLUMNS = 3;

/** Every table that the layout shows: a row of three or more headings without digits, and rows aligned below it. */
export function detectTables(lines: readonly Line[]): Table[] {
  const tables: Table[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const segments = lines[at]?.segments ?? [];
    if (segments.length < MIN_COLUMNS || segments.some(({ text }) => /\d/u.test(text))) continue;
    const table = readTableUnder(lines, at);
    if (table.rows.length === 0) continue;
    tables.push(table);
    at += table.rows.length;
  }
  return tables;
}

/**
 * Reads the rows aligned under the line of headings at `headerAt`. A row begins in the first column and fills at least
 * half of the columns; a line with a single cell right below continues the cell above it; anything else ends the table.
 * @param endsTable tells a line that belongs to no table, such as one that begins with another field's label
 */
export function readTableUnder(
  lines: readonly Line[],
  headerAt: number,
  endsTable?: (text: string) => boolean,
): Table {
  const header = lines[headerAt]?.segments ?? [];
  const rows: string[][] = [];
  let previous = lines[headerAt];
  for (let at = headerAt + 1; at < lines.length; at += 1) {
    const line = lines[at];
    if (line === undefined || line.segments.length === 0) continue;
    if (
      previous === undefined ||
      line.page !== previous.page ||
      line.top - previous.top > REACH * line.height
    )
      break;
    const cells = alignCells(header, line.segments);
    if (cells === undefined || endsTable?.(line.segments[0]?.text ?? '') === true) break;
    const filled = cells.filter((cell) => cell !== '').length;
    if (cells[0] !== '' && filled >= neededCells(header.length)) rows.push(cells);
    else if (!continueRow(rows.at(-1), cells, line, previous)) break;
    previous = line;
  }
  return { header: header.map(({ text }) => text), rows };
}

function neededCells(columns: number): number {
  return columns <= 2 ? columns : Math.ceil(columns / 2);
}

function continueRow(
  row: string[] | undefined,
  cells: readonly string[],
  line: Line,
  previous: Line,
): boolean {
  const only = cells.findIndex((cell) => cell !== '');
  const adjacent = line.top - previous.top <= 1.6 * line.height;
  const single = line.segments.length === 1 && !cells[only]?.includes(':');
  if (row === undefined || !adjacent || !single) return false;
  row[only] = `${row[only] ?? ''} ${cells[only] ?? ''}`.trim();
  return true;
}

/** Puts each segment under the heading that it overlaps most, or that is nearest; undefined when it is under none. */
function alignCells(header: readonly Segment[], segments: readonly Segment[]): string[] | undefined {
  const cells = header.map(() => '');
  const reach = Math.max(
    0,
    ...header.slice(1).map(({ left }, index) => left - (header[index]?.right ?? left)),
  );
  for (const segment of segments) {
    const distances = header.map((heading) => distance(heading, segment));
    const nearest = Math.min(...distances);
    if (nearest > reach) return undefined;
    const column = distances.indexOf(nearest);
    cells[column] = `${cells[column] ?? ''} ${segment.text}`.trim();
  }
  return cells;
}

/** Negative when they overlap, by as much as they do. */
function distance(one: Segment, other: Segment): number {
  return Math.max(one.left, other.left) - Math.min(one.right, other.right);
}
