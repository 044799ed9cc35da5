import type { Line, Segment, Table } from '../document.ts';
import { isSummaryRow, summaryOf } from './summary-row.ts';

/** Lines further apart than this many line heights do not belong together, unless all rows are as far apart. */
const REACH = 3;
const FIRST_REACH = 4;
const PITCH_REACH = 1.6;
/** In distances of rows: below a gap only a row that is as full as the others belongs to them. */
const GAP = 1.5;
const MIN_COLUMNS = 3;
/** A table may go on below the letterhead of the next page. */
const NEXT_PAGE_LINES = 40;

/** A table that only the places of its words make, with the line at which each row begins. */
export interface AlignedTable extends Table {
  readonly lineOfRow: readonly number[];
}

/** Every table that the layout shows: a row of three or more headings without digits, and rows aligned below it. */
export function detectTables(lines: readonly Line[]): Table[] {
  const tables: Table[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const segments = lines[at]?.segments ?? [];
    if (segments.length < MIN_COLUMNS || segments.some(({ text }) => /\d/u.test(text))) continue;
    const { header, rows, lineOfRow } = readTableUnder(lines, at);
    if (rows.length === 0) continue;
    tables.push({ header, rows });
    at = lineOfRow.at(-1) ?? at;
  }
  return tables;
}

/**
 * Reads the rows aligned under the line of headings at `headerAt`. A row begins in the first column and fills at least
 * half of the columns; a line with a single cell right below continues the cell above it; anything else ends the table,
 * unless its headings stand again on the next page.
 */
export function readTableUnder(
  lines: readonly Line[],
  headerAt: number,
  { endsTable = () => false, twoLines = false }: ReadTableOptions = {},
): AlignedTable {
  const headerOf = (at: number) =>
    (twoLines ? joinHeadings(lines[at - 1], lines[at]) : lines[at])?.segments ?? [];
  const rows: string[][] = [];
  const lineOfRow: number[] = [];
  let from: number | undefined = headerAt;
  while (from !== undefined) {
    const stop = readPart(lines, from, { header: headerOf(from), endsTable, rows, lineOfRow });
    from = rows.length === 0 || stop.ended ? undefined : repeatedHeader(lines, from, stop.at);
  }
  return { header: headerOf(headerAt).map(({ text }) => text), rows, lineOfRow };
}

interface ReadTableOptions {
  /** Tells a line that belongs to no table, such as one that begins with another field's label. */
  readonly endsTable?: (text: string) => boolean;
  /** The headings begin in the line above `headerAt`. */
  readonly twoLines?: boolean;
}

interface Gathered {
  readonly header: readonly Segment[];
  readonly endsTable: (text: string) => boolean;
  readonly rows: string[][];
  readonly lineOfRow: number[];
}

/** Reads the rows under one line of headings. Tells where they stop, and whether the table certainly ended there. */
function readPart(
  lines: readonly Line[],
  headerAt: number,
  { header, endsTable, rows, lineOfRow }: Gathered,
): { at: number; ended: boolean } {
  let previous = lines[headerAt];
  let pitch = 0;
  let least = header.length;
  let at = headerAt + 1;
  for (; at < lines.length; at += 1) {
    const line = lines[at];
    if (line === undefined || line.segments.length === 0) continue;
    if (previous === undefined || line.page !== previous.page || isApart(line, previous, pitch)) break;
    if (endsTable(line.segments[0]?.text ?? '')) return { at, ended: true };
    const cells = alignCells(header, line.segments);
    if (cells === undefined) break;
    const filled = cells.filter(isFilled).length;
    const apart = pitch > 0 && line.top - previous.top > GAP * pitch;
    if (apart && filled < least) break;
    if (cells[0] !== '' && filled >= neededCells(header.length)) {
      least = Math.min(least, filled);
      pitch = Math.max(pitch, line.top - previous.top);
      rows.push(cells);
      lineOfRow.push(at);
    } else if (previous === lines[headerAt]) {
      // The sum of the page before may stand above the first row.
      if (summaryOf(line.segments[0]?.text ?? '') !== 'part') break;
    } else if (!continueRow(rows.at(-1), cells, line, previous)) break;
    previous = line;
  }
  const last = rows.at(-1) ?? [];
  const summedUp = isSummaryRow(last, header.length) && summaryOf(last.find(isFilled) ?? '') === 'all';
  return { at, ended: summedUp || summaryOf(lines[at]?.segments[0]?.text ?? '') === 'all' };
}

function isFilled(cell: string): boolean {
  return cell !== '';
}

/** @param pitch the distance of the rows so far, 0 before the first */
function isApart(line: Line, previous: Line, pitch: number): boolean {
  const reach = pitch === 0 ? FIRST_REACH * line.height : Math.max(REACH * line.height, PITCH_REACH * pitch);
  return line.top - previous.top > reach;
}

/** The same headings near the top of the page after the one on which rows stopped. */
function repeatedHeader(lines: readonly Line[], headerAt: number, stoppedAt: number): number | undefined {
  const header = lines[headerAt];
  if (header === undefined || header.segments.length < 2) return undefined;
  const words = textOf(header);
  let seen = 0;
  for (let at = stoppedAt; at < lines.length && seen < NEXT_PAGE_LINES; at += 1) {
    const line = lines[at];
    if (line === undefined || line.page === header.page) continue;
    if (line.page > header.page + 1) return undefined;
    if (textOf(line) === words) return at;
    seen += 1;
  }
  return undefined;
}

function textOf({ segments }: Line): string {
  return segments.map(({ text }) => text).join('\n');
}

/** Headings that go on in the line below, each under its beginning, as one line; undefined where the line below is none. */
export function joinHeadings(line: Line | undefined, next: Line | undefined): Line | undefined {
  if (line === undefined || next === undefined || next.page !== line.page || next.segments.length === 0)
    return undefined;
  if (next.top - line.top > 1.6 * Math.max(line.height, next.height)) return undefined;
  const segments: Segment[] = [...line.segments];
  for (const { text, left, right } of next.segments) {
    const at = segments.findIndex((heading) => distance(heading, { text, left, right }) < 0);
    const heading = segments[at];
    if (heading === undefined || /\d/u.test(text)) return undefined;
    segments[at] = {
      text: `${heading.text} ${text}`,
      left: Math.min(heading.left, left),
      right: Math.max(heading.right, right),
    };
  }
  return { ...next, segments };
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
