import type { Line, ReadDocument, ReadLimits, Table } from '../document.ts';
import { lazy } from '../lazy.ts';
import { cellRowsToLines } from './cell-rows.ts';
import { fillMerged, type Merge } from './merged-cells.ts';
import { createPieceBudget } from './piece-budget.ts';

/** Labels stand at the top of a sheet; a million rows need no layout. */
const LAYOUT_ROWS = 1000;

/** One sheet of a workbook, without its empty rows. */
export interface Sheet {
  readonly name: string;
  readonly rows: readonly SheetRow[];
  /** Cells over several rows, by their numbers in the sheet, counted from 0. */
  readonly merges: readonly Merge[];
  readonly formulas: ReadonlyMap<string, string>;
}

interface SheetRow {
  /** Its number in the sheet, counted from 0. */
  readonly number: number;
  readonly cells: readonly string[];
}

/** The document that sheets are: one table for each, and a page for each. */
export function sheetsDocument(
  head: Omit<ReadDocument, 'text' | 'lines' | 'tables' | 'pageCount'>,
  sheets: readonly Sheet[],
  { maxPieces }: ReadLimits,
): ReadDocument {
  const lines = lazy(() => sheets.flatMap((sheet, index) => sheetLines(sheet, index + 1)));
  const tables = lazy(() => sheets.flatMap((sheet, index) => toTable(sheet, index + 1)));
  const toTable = (sheet: Sheet, page: number) =>
    sheet.rows.length === 0 ? [] : [{ ...sheetTable(sheet, maxPieces), page }];
  return {
    ...head,
    pageCount: Math.max(1, sheets.length),
    text: sheets
      .map(({ rows }) => rows.map(({ cells }) => cells.join('\t').trimEnd()).join('\n'))
      .filter((text) => text !== '')
      .join('\n\n'),
    get lines() {
      return lines();
    },
    get tables() {
      return tables();
    },
  };
}

function sheetLines({ rows }: Sheet, page: number): Line[] {
  return rows.slice(0, LAYOUT_ROWS).flatMap(({ number, cells }) => cellRowsToLines([cells], number, page));
}

/** The first row with more than one cell is the header, as in a file of separated values. */
function sheetTable({ name, rows, merges, formulas }: Sheet, maxPieces: number): Table {
  const places = new Map(rows.map(({ number }, index) => [number, index]));
  const kept = merges.flatMap((merge) => {
    const row = places.get(merge.row);
    return row === undefined ? [] : [{ ...merge, row, rows: rowsReached(merge, rows, row) }];
  });
  const cells = rows.map((row) => row.cells);
  const filled = fillMerged(cells, kept, createPieceBudget(maxPieces));
  const headerAt = Math.max(
    0,
    filled.findIndex((row) => row.filter((cell) => cell !== '').length > 1),
  );
  const known = formulas.size === 0 ? {} : { formulas };
  const rowNumbers = rows.slice(headerAt).map(({ number }) => number + 1);
  return { name, rowNumbers, header: filled[headerAt] ?? [], rows: filled.slice(headerAt + 1), ...known };
}

/** How many of the rows that hold anything a merged cell reaches over. */
function rowsReached(merge: Merge, rows: Sheet['rows'], from: number): number {
  let at = from;
  while (at < rows.length && (rows[at]?.number ?? Infinity) < merge.row + merge.rows) at += 1;
  return at - from;
}
