import { UnreadableError } from '../unreadable.ts';
import { readableText } from '../values/readable.ts';
import type { Merge } from './merged-cells.ts';
import type { TakePieces } from './piece-budget.ts';
import type { Sheet } from './sheets.ts';

/** What spreadsheet programs hold: cells beyond it are no sheet but an attack. */
const MAX_ROWS = 1_048_576;
const MAX_COLUMNS = 16_384;

/** Gathers the cells of one sheet. Rows and columns are counted from 0. */
export interface SheetBuilder {
  /** Puts a text into a cell, and what computes it. Throws UnreadableError beyond the budgets or the size of sheets. */
  readonly put: (row: number, column: number, text: string, formula?: string) => void;
  readonly merge: (merge: Merge) => void;
  readonly sheet: () => Sheet;
}

/** Counts all sheets of a file together. */
export interface SheetBudget {
  readonly takeCells: TakePieces;
  readonly takeText: TakePieces;
}

/** Creates an empty sheet. */
export function createSheetBuilder(name: string, { takeCells, takeText }: SheetBudget): SheetBuilder {
  const rows = new Map<number, string[]>();
  const merges: Merge[] = [];
  const formulas = new Map<string, string>();
  return {
    put: (row, column, raw, formula) => {
      const text = readableText(raw).trim();
      if (text === '') return;
      if (row >= MAX_ROWS || column >= MAX_COLUMNS)
        throw new UnreadableError(
          'corrupt',
          `The sheet "${name}" has a cell outside of what a sheet can hold.`,
        );
      const cells = rows.get(row) ?? [];
      rows.set(row, cells);
      takeCells(Math.max(1, column + 1 - cells.length));
      takeText(text.length + (formula?.length ?? 0));
      while (cells.length < column) cells.push('');
      cells[column] = text;
      if (formula !== undefined) formulas.set(cellAddress(row, column), formula);
    },
    merge: (merge) => {
      takeCells(1);
      if (merge.rows > 1) merges.push(merge);
    },
    sheet: () => ({
      name,
      rows: [...rows.entries()]
        .sort(([one], [other]) => one - other)
        .map(([number, cells]) => ({ number, cells })),
      merges,
      formulas,
    }),
  };
}

/** `B7` for the seventh row and the second column. */
function cellAddress(row: number, column: number): string {
  let letters = '';
  for (let left = column + 1; left > 0; left = Math.floor((left - 1) / 26))
    letters = String.fromCharCode(65 + ((left - 1) % 26)) + letters;
  return `${letters}${row + 1}`;
}

/** Row and column of an address such as `B7` or `$B$7`, counted from 0; undefined when it is none. */
export function cellPlace(address: string): { readonly row: number; readonly column: number } | undefined {
  const match = /^\$?([A-Z]{1,3})\$?(\d{1,7})$/u.exec(address);
  if (match === null) return undefined;
  let column = 0;
  for (const letter of match[1] ?? '') column = column * 26 + letter.charCodeAt(0) - 64;
  return { row: Number(match[2]) - 1, column: column - 1 };
}
