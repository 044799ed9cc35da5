import type { ReadDocument, ReadLimits } from '../document.ts';
import { createPieceBudget, createTextBudget } from '../layout/piece-budget.ts';
import { createSheetBuilder, type SheetBudget, type SheetBuilder } from '../layout/sheet-builder.ts';
import { type Sheet, sheetsDocument } from '../layout/sheets.ts';
import { UnreadableError } from '../unreadable.ts';
import { parseDate } from '../values/date.ts';
import { readOfficeMetadata } from './office-metadata.ts';
import { assertPages } from './page-limit.ts';
import { attribute, type Attributes, countIn, readXmlEvents } from './xml-events.ts';
import type { ZipParts } from './zip-parts.ts';

/** A date as digits, whose order one has to know. */
const DIGITS_ONLY = /^\d{1,4}[./-]\d{1,2}[./-]\d{1,4}(?:\s.*)?$/u;

/** A spreadsheet of LibreOffice and its like: each visible sheet as a table, its cells as they are shown. */
export function readOds(parts: ZipParts, limits: ReadLimits): ReadDocument {
  const reading = startReading(limits);
  readXmlEvents(parts.read('content.xml'), 'The spreadsheet', {
    open: (element, attributes) => openElement(reading, element, attributes),
    close: (element) => closeElement(reading, element),
    text: (text) => addText(reading, text),
  });
  const { sheets, warnings } = reading;
  assertPages(sheets.length, 'sheets', limits);
  const mediaType = 'application/vnd.oasis.opendocument.spreadsheet';
  const metadata = readOfficeMetadata(parts, 'meta.xml', limits);
  const document = sheetsDocument({ kind: 'ods', mediaType, metadata, warnings }, sheets, limits);
  if (document.text === '')
    throw new UnreadableError('no_text', 'The spreadsheet has no visible sheet that holds anything.');
  return document;
}

interface Cell {
  readonly attributes: Attributes;
  readonly column: number;
  readonly repeated: number;
  paragraphs: string[];
}

interface Row {
  readonly number: number;
  /** How many equal rows it stands for. */
  repeated: number;
  column: number;
  readonly cells: { readonly column: number; readonly text: string; readonly formula: string | undefined }[];
}

/** What is open while the file is read. */
interface Reading {
  readonly budget: SheetBudget;
  readonly hiddenStyles: Set<string>;
  readonly sheets: Sheet[];
  readonly warnings: string[];
  /** The style that is being described. */
  style: string;
  builder: SheetBuilder | undefined;
  /** Tables that are open in each other; only the outermost is a sheet. */
  tables: number;
  /** Elements that are open inside of what is left out. */
  skipped: number;
  row: Row;
  cell: Cell | undefined;
}

function startReading({ maxPieces, maxTextBytes }: ReadLimits): Reading {
  return {
    budget: { takeCells: createPieceBudget(maxPieces), takeText: createTextBudget(maxTextBytes) },
    hiddenStyles: new Set(),
    sheets: [],
    warnings: [],
    style: '',
    builder: undefined,
    tables: 0,
    skipped: 0,
    row: rowAt(0),
    cell: undefined,
  };
}

function rowAt(number: number): Row {
  return { number, repeated: 1, column: 0, cells: [] };
}

function openElement(reading: Reading, element: string, attributes: Attributes): void {
  if (reading.skipped > 0 || SKIPPED.has(element)) reading.skipped += 1;
  else if (element === 'style') reading.style = attribute(attributes, 'name') ?? '';
  else if (element === 'table-properties' && attribute(attributes, 'display') === 'false')
    reading.hiddenStyles.add(reading.style);
  else if (element === 'table') openTable(reading, attributes);
  else if (reading.builder === undefined || reading.tables > 1) return;
  else if (element === 'table-row') reading.row.repeated = countIn(attributes, 'number-rows-repeated');
  else if (CELLS.has(element)) openCell(reading, attributes);
  else if (reading.cell !== undefined) addMark(reading.cell, element, attributes);
}

function openTable(reading: Reading, attributes: Attributes): void {
  reading.tables += 1;
  if (reading.tables > 1) return;
  const name = attribute(attributes, 'name') ?? '';
  reading.row = rowAt(0);
  if (reading.hiddenStyles.has(attribute(attributes, 'style-name') ?? ''))
    reading.warnings.push(`The hidden sheet "${name}" was left out.`);
  else reading.builder = createSheetBuilder(name, reading.budget);
}

function openCell(reading: Reading, attributes: Attributes): void {
  const { row, builder } = reading;
  const repeated = countIn(attributes, 'number-columns-repeated');
  reading.cell = { attributes, column: row.column, repeated, paragraphs: [] };
  const rows = countIn(attributes, 'number-rows-spanned');
  if (rows > 1) builder?.merge({ row: row.number, column: row.column, rows });
  row.column += repeated;
}

function closeElement(reading: Reading, element: string): void {
  if (reading.skipped > 0) reading.skipped -= 1;
  else if (element === 'table') closeTable(reading);
  else if (reading.builder === undefined || reading.tables > 1) return;
  else if (element === 'table-row') closeRow(reading, reading.builder);
  else if (CELLS.has(element)) closeCell(reading);
}

function closeCell({ cell, row, budget }: Reading): void {
  if (cell === undefined) return;
  const { attributes, column, repeated, paragraphs } = cell;
  const formula = attribute(attributes, 'formula')?.replace(/^\w+:/u, '');
  const text = shownText(attributes, paragraphs.join('\n').trim()) || (formula ?? '');
  if (text === '') return;
  budget.takeCells(repeated);
  for (let index = 0; index < repeated; index += 1) row.cells.push({ column: column + index, text, formula });
}

function closeRow(reading: Reading, builder: SheetBuilder): void {
  const { number, repeated, cells } = reading.row;
  for (let index = 0; index < repeated && cells.length > 0; index += 1)
    for (const { column, text, formula } of cells) builder.put(number + index, column, text, formula);
  reading.row = rowAt(number + repeated);
  reading.cell = undefined;
}

function closeTable(reading: Reading): void {
  reading.tables -= 1;
  if (reading.tables > 0 || reading.builder === undefined) return;
  reading.sheets.push(reading.builder.sheet());
  reading.builder = undefined;
}

function addText({ skipped, cell }: Reading, text: string): void {
  if (skipped > 0 || cell === undefined || cell.paragraphs.length === 0) return;
  cell.paragraphs.push(`${cell.paragraphs.pop() ?? ''}${text.replaceAll(/\s+/gu, ' ')}`);
}

const CELLS = new Set(['table-cell', 'covered-table-cell']);

/** Comments, drawings and what a chart draws. */
const SKIPPED = new Set(['annotation', 'frame', 'shapes', 'tracked-changes']);

function addMark(cell: Cell, element: string, attributes: Attributes): void {
  const add = (text: string) => cell.paragraphs.push(`${cell.paragraphs.pop() ?? ''}${text}`);
  if (element === 'p') cell.paragraphs.push('');
  else if (element === 's') add(' '.repeat(Math.min(100, countIn(attributes, 'c'))));
  else if (element === 'tab') add('\t');
  else if (element === 'line-break') add('\n');
}

/** Booleans in every language and dates in every order are written as they are everywhere; the rest as it is shown. */
function shownText(attributes: Attributes, shown: string): string {
  const type = attribute(attributes, 'value-type');
  if (type === 'boolean') return (attribute(attributes, 'boolean-value') ?? shown).toUpperCase();
  const date = attribute(attributes, 'date-value');
  if (type === 'date' && date !== undefined) {
    const read = parseDate(shown);
    const clear = 'date' in read && read.date === date.slice(0, 10);
    return shown === '' || (!clear && DIGITS_ONLY.test(shown)) ? date.replace('T', ' ') : shown;
  }
  return shown === ''
    ? (attribute(attributes, 'value') ?? attribute(attributes, 'string-value') ?? '')
    : shown;
}
