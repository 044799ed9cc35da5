import type { Segment } from '../document.ts';
import { readsRightToLeft } from '../layout/reading-direction.ts';
import type { Row } from './pdf-rows.ts';

/** Fewer rows side by side, or shorter ones, are labels with values or addresses, not columns of prose. */
const MIN_COLUMN_ROWS = 3;
const MIN_PROSE_LENGTH = 18;
const MAX_LABEL_LENGTH = 15;
const MAX_COLUMNS = 4;
/** In letter sizes: a larger distance between two rows starts a paragraph. */
const PARAGRAPH_GAP = 1.8;

/** A stretch of rows that no segment crosses at one x position. */
interface Band {
  readonly from: number;
  readonly to: number;
  readonly at: number;
}

/**
 * The text of a page as a person reads it: row by row, but columns of prose one after the other. Labels with values,
 * addresses side by side and tables stay in rows, so that a pattern finds a value behind its label.
 */
export function readingOrder(rows: readonly Row[], columns = MAX_COLUMNS): string {
  const band = columns > 1 ? proseBand(rows) : undefined;
  if (band === undefined) return rowsText(rows);
  const inside = rows.slice(band.from, band.to);
  const parts = [
    readingOrder(rows.slice(0, band.from), columns),
    readingOrder(
      side(inside, ({ right }) => right <= band.at),
      columns - 1,
    ),
    readingOrder(
      side(inside, ({ left }) => left >= band.at),
      columns - 1,
    ),
    readingOrder(rows.slice(band.to), columns),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

function side(rows: readonly Row[], belongs: (segment: Segment) => boolean): Row[] {
  return rows
    .map((row) => ({ ...row, segments: row.segments.filter(belongs) }))
    .filter((row) => row.segments.length > 0);
}

function proseBand(rows: readonly Row[]): Band | undefined {
  const gaps = rows.flatMap((row) => row.segments.slice(1).map(({ left }) => Math.floor(left) - 1));
  const candidates = [...new Set(gaps)];
  const bands = candidates
    .flatMap((at) => bandsAt(rows, at))
    .map((band) => ({ ...band, to: proseEnd(rows, band) }))
    .filter((band) => isProse(rows, band));
  return bands.toSorted((one, other) => other.to - other.from - (one.to - one.from))[0];
}

function bandsAt(rows: readonly Row[], at: number): Band[] {
  const bands: Band[] = [];
  let from = 0;
  for (let row = 0; row <= rows.length; row += 1) {
    const crossed = rows[row]?.segments.some(({ left, right }) => left < at && right > at) ?? true;
    if (!crossed) continue;
    if (row - from >= MIN_COLUMN_ROWS) bands.push({ from, to: row, at });
    from = row + 1;
  }
  return bands;
}

/** Leaves out short pairs below the columns, such as "Total due | 17.50", that stand apart from them. */
function proseEnd(rows: readonly Row[], { from, to }: Band): number {
  let end = to;
  for (let row = to - 1; row > from; row -= 1) {
    const segments = rows[row]?.segments ?? [];
    if (segments.length !== 2 || !segments.some(({ text }) => text.length < MAX_LABEL_LENGTH)) break;
    if (startsParagraph(rows, row)) end = row;
  }
  return end;
}

function startsParagraph(rows: readonly Row[], at: number): boolean {
  const row = rows[at];
  const above = rows[at - 1];
  return row !== undefined && above !== undefined && row.top - above.top > PARAGRAPH_GAP * row.size;
}

/** Both sides have long runs of text, one in a row, in several rows. */
function isProse(rows: readonly Row[], { from, to, at }: Band): boolean {
  const inside = rows.slice(from, to);
  const both = inside.filter(
    ({ segments }) => segments.some(({ right }) => right <= at) && segments.some(({ left }) => left >= at),
  );
  if (both.length < MIN_COLUMN_ROWS) return false;
  const left = both.flatMap(({ segments }) => segments.filter((segment) => segment.right <= at));
  const right = both.flatMap(({ segments }) => segments.filter((segment) => segment.left >= at));
  return [left, right].every((segments) => averageLength(segments) >= MIN_PROSE_LENGTH);
}

function averageLength(segments: readonly Segment[]): number {
  return segments.reduce((sum, { text }) => sum + text.length, 0) / segments.length;
}

function rowsText(rows: readonly Row[]): string {
  let text = '';
  for (const [index, row] of rows.entries()) {
    if (index > 0) text += startsParagraph(rows, index) ? '\n\n' : '\n';
    const texts = row.segments.map((segment) => segment.text);
    text += (readsRightToLeft(texts.join(' ')) ? texts.toReversed() : texts).join('  ');
  }
  return text;
}
