import { cellPlace, type SheetBuilder } from '../layout/sheet-builder.ts';
import { plainNumber, type ShowNumber } from './number-format.ts';
import { attribute, type Attributes, readXmlEvents } from './xml-events.ts';

/** What the cells of a sheet need of the rest of the workbook, and where they go. */
interface SheetContext {
  readonly strings: readonly string[];
  readonly formats: (style: number) => ShowNumber;
  readonly builder: SheetBuilder;
}

/** A cell while its parts are read. */
interface Cell {
  readonly row: number;
  readonly column: number;
  readonly type: string;
  readonly style: number;
  value: string;
  inline: string;
  formula: string;
}

/**
 * Reads the cells of one sheet into its builder.
 * @returns how many formulas have no stored value
 */
export function readSheetCells(bytes: Uint8Array, what: string, context: SheetContext): number {
  let at = { row: -1, column: -1 };
  let cell: Cell | undefined;
  let into: 'value' | 'inline' | 'formula' | undefined;
  let uncomputed = 0;
  readXmlEvents(bytes, what, {
    open: (element, attributes) => {
      into = PARTS[element];
      if (element === 'row') at = { row: rowNumber(attributes, at.row + 1), column: -1 };
      else if (element === 'c') {
        at = cellPlace(attribute(attributes, 'r') ?? '') ?? { row: at.row, column: at.column + 1 };
        cell = openCell(at, attributes);
      } else if (element === 'mergeCell') addMerge(attribute(attributes, 'ref') ?? '', context.builder);
    },
    text: (text) => {
      if (into !== undefined && cell !== undefined) cell[into] += text;
    },
    close: (element) => {
      into = undefined;
      if (element !== 'c' || cell === undefined) return;
      uncomputed += closeCell(cell, context) ? 0 : 1;
      cell = undefined;
    },
  });
  return uncomputed;
}

const PARTS: Readonly<Record<string, 'value' | 'inline' | 'formula' | undefined>> = Object.assign(
  Object.create(null) as object,
  { v: 'value', t: 'inline', f: 'formula' } as const,
);

function rowNumber(attributes: Attributes, next: number): number {
  const given = Number(attribute(attributes, 'r'));
  return Number.isSafeInteger(given) && given > 0 ? given - 1 : next;
}

function openCell({ row, column }: { row: number; column: number }, attributes: Attributes): Cell {
  const type = attribute(attributes, 't') ?? 'n';
  const style = Number(attribute(attributes, 's') ?? 0);
  return { row: Math.max(0, row), column, type, style, value: '', inline: '', formula: '' };
}

/** @returns whether the cell has what its formula gives, or has none */
function closeCell(cell: Cell, { strings, formats, builder }: SheetContext): boolean {
  const { row, column, formula } = cell;
  const text = cellText(cell, strings, formats);
  if (formula === '') builder.put(row, column, text);
  else builder.put(row, column, text === '' ? `=${formula}` : text, `=${formula}`);
  return formula === '' || text !== '';
}

function cellText(
  { type, style, value, inline }: Cell,
  strings: readonly string[],
  formats: (style: number) => ShowNumber,
): string {
  if (type === 's') return strings[Number(value)] ?? '';
  if (type === 'inlineStr') return inline;
  if (value.trim() === '') return '';
  if (type === 'b') return value.trim() === '1' || value.trim() === 'true' ? 'TRUE' : 'FALSE';
  if (type === 'd') return value.replace(/T00:00:00(?:\.0+)?Z?$/u, '');
  const number = Number(value);
  if (type !== 'n' || !Number.isFinite(number)) return value;
  return Number.isInteger(style) ? formats(style)(number) : plainNumber(number);
}

function addMerge(reference: string, builder: SheetBuilder): void {
  const [from, to] = reference.split(':').map(cellPlace);
  if (from === undefined || to === undefined) return;
  builder.merge({ row: from.row, column: from.column, rows: to.row - from.row + 1 });
}
