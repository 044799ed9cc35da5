import { CsvError, parse } from 'csv-parse/sync';
import type { ReadDocument, ReadLimits } from '../document.ts';
import { cellRowsToLines } from '../layout/cell-rows.ts';
import { createPieceBudget } from '../layout/piece-budget.ts';
import { lazy } from '../lazy.ts';
import { UnreadableError } from '../unreadable.ts';

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const DELIMITERS = [',', ';', '\t', '|'] as const;
/** Labels stand at the top of a file; a million rows need no layout. */
const LAYOUT_ROWS = 1000;
/** In characters; a longer row is an unclosed quote or no table at all. */
const MAX_ROW_LENGTH = 1_000_000;

/** A file of separated values. Its first row with more than one cell is the header of its table. */
export function readCsv(text: string, { maxPieces }: ReadLimits): ReadDocument {
  const delimiter = csvDelimiter(text) ?? ',';
  if (text.length > maxPieces) createPieceBudget(maxPieces)(countCells(text, delimiter));
  const rows = parseRows(text, delimiter);
  const headerAt = Math.max(
    0,
    rows.findIndex((row) => row.filter((cell) => cell !== '').length > 1),
  );
  const lines = lazy(() => cellRowsToLines(rows.slice(0, LAYOUT_ROWS)));
  return {
    kind: 'csv',
    mediaType: 'text/csv',
    text: text.toWellFormed(),
    pageCount: 1,
    tables: [
      {
        page: 1,
        rowNumbers: rows.slice(headerAt).map((_row, index) => headerAt + index + 1),
        header: rows[headerAt] ?? [],
        rows: rows.slice(headerAt + 1),
      },
    ],
    get lines() {
      return lines();
    },
  };
}

/** Counted beforehand, because a row of millions of cells would grow at the edge of the heap. */
function countCells(text: string, delimiter: string): number {
  let cells = 1;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === LINE_FEED || code === CARRIAGE_RETURN || code === delimiter.charCodeAt(0)) cells += 1;
  }
  return cells;
}

function parseRows(text: string, delimiter: string): string[][] {
  try {
    return parse(text, {
      delimiter,
      relax_column_count: true,
      relax_quotes: true,
      max_record_size: MAX_ROW_LENGTH,
      trim: true,
    });
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    const truncated = cause.code === 'CSV_QUOTE_NOT_CLOSED';
    const message = truncated
      ? 'The CSV file ends inside a quoted cell, so a part of it is missing.'
      : `The CSV file cannot be read: ${cause.message}`;
    throw new UnreadableError(truncated ? 'truncated' : 'corrupt', message, { cause });
  }
}

/** The separator that the first lines agree on, or undefined when they share none. */
function csvDelimiter(text: string): string | undefined {
  const lines = text
    .slice(0, 8192)
    .split(/\r?\n/u)
    .filter((line) => line.trim() !== '')
    .slice(0, 10);
  const counts = DELIMITERS.map((delimiter) => {
    const perLine = lines.map((line) => line.replaceAll(/"[^"]*"/gu, '').split(delimiter).length - 1);
    const shared = perLine.filter((count) => count > 0 && count === perLine[0]).length;
    return { delimiter, shared: lines.length > 1 ? shared : 0, first: perLine[0] ?? 0 };
  });
  const best = counts.toSorted((one, other) => other.shared - one.shared || other.first - one.first)[0];
  return best !== undefined && best.shared > 0 ? best.delimiter : undefined;
}

/** Whether a file without a telling name is separated values: every one of its first lines has as many cells. */
export function looksLikeCsv(text: string): boolean {
  const delimiter = csvDelimiter(text);
  if (delimiter === undefined) return false;
  const lines = text
    .slice(0, 4096)
    .split(/\r?\n/u)
    .slice(0, 6)
    .filter((line) => line.trim() !== '');
  const cells = lines.map((line) => line.split(delimiter));
  const even = cells.length > 1 && cells.every((row) => row.length === cells[0]?.length);
  return even && !cells.some((row) => row.some((cell) => cell.startsWith('  ') || cell.length > 200));
}
