import type { DocumentKind, Line, ReadDocument, Table } from '../document.ts';
import { joinHeadings, readTableUnder } from '../layout/aligned-table.ts';
import { type Wording, wordPattern, wordings } from './wording.ts';
import type { IsLabel } from './label-tests.ts';
import { DRAWN } from './kinds.ts';
import { type Place, placeOfLine } from './place.ts';
import { isSummaryRow, isTaxRow } from '../layout/summary-row.ts';

/** A heading may stand below titles and addresses, but not deep in the data. */
const HEADER_SEARCH_ROWS = 50;

/** A row is looked for in so many lines: its place is not worth more. */
const SEARCHED_LINES = 10_000;

/** Kinds whose tables are told by the layout alone, and kinds that have no layout beside their cells. */
const WITHOUT_CELLS: ReadonlySet<DocumentKind> = new Set<DocumentKind>(['txt', ...DRAWN]);
const NOTHING_BUT_CELLS: ReadonlySet<DocumentKind> = new Set(['csv', 'json', 'xml', 'xlsx', 'ods']);

/** The cells under each wanted heading, row by row; undefined for a heading that the table lacks. */
export interface FoundTable {
  readonly rows: readonly FoundRow[];
}

export interface FoundRow {
  readonly cells: readonly (string | undefined)[];
  readonly place: () => Place | undefined;
}

/** A table, and where its rows stand. */
interface PlacedTable extends Table {
  readonly placeOfRow: (index: number) => Place | undefined;
  /** The line of its last row, where it is made of lines. */
  readonly lastLine?: number | undefined;
}

/** Prepares the search for a table by its headings; the table with most of them wins, the first of equals. */
export function compileColumns(headings: readonly Wording[], isLabel: IsLabel) {
  const matchers = headings.map(headingMatcher);
  const match = (cells: readonly string[]) => matchers.map((matcher) => matcher(cells));
  return (document: ReadDocument): FoundTable | undefined => {
    const candidates = [...cellCandidates(document, match), ...alignedCandidates(document, match, isLabel)];
    let passed = { from: 0, to: 0 };
    for (const { at = Infinity, read } of candidates.toSorted(
      (one, other) => other.headings - one.headings,
    )) {
      // Inside of a table without a row to take there is none either; looking at each line of it would take too long.
      if (at > passed.from && at <= passed.to) continue;
      const table = read();
      const rows = takeColumns(table, match(table.header), isLabel);
      if (rows.length > 0) return { rows };
      passed = { from: at, to: table.lastLine ?? 0 };
    }
    return undefined;
  };
}

/** A place where a table may begin. It is read only when no better one has rows. */
interface Candidate {
  /** The line of its headings, where it is made of lines. */
  readonly at?: number;
  readonly headings: number;
  readonly read: () => PlacedTable;
}

type Match = (cells: readonly string[]) => readonly number[];

function count(places: readonly number[]): number {
  return places.filter((place) => place >= 0).length;
}

/** Finds the column of a heading: equal words before a heading that merely begins with them. */
function headingMatcher(wording: Wording) {
  const patterns = wordings(wording).map(wordPattern);
  return (cells: readonly string[]): number => {
    for (const pattern of patterns) {
      const matches = cells.map((cell) => pattern.exec(cell));
      const exact = matches.findIndex(
        (match, index) => match?.index === 0 && isWhole(cells[index] ?? '', match[0]),
      );
      const begins = exact >= 0 ? exact : matches.findIndex((match) => match?.index === 0);
      if (begins >= 0) return begins;
    }
    return -1;
  };
}

function isWhole(cell: string, matched: string): boolean {
  return cell.slice(matched.length).replaceAll(/[\s.:#]/gu, '') === '';
}

/** Tables whose cells the file itself knows, each from the row on that holds most of the headings. */
function cellCandidates(document: ReadDocument, match: Match): Candidate[] {
  if (WITHOUT_CELLS.has(document.kind)) return [];
  return document.tables.flatMap((table): Candidate[] => {
    const { header, rows } = table;
    const counts = [header, ...rows.slice(0, HEADER_SEARCH_ROWS)].map((row) => count(match(row)));
    const headings = Math.max(...counts);
    const at = counts.indexOf(headings);
    const read = () => ({
      header: at === 0 ? header : (rows[at - 1] ?? []),
      rows: at === 0 ? rows : rows.slice(at),
      placeOfRow: (index: number) =>
        placeOfCells(table, at + index + 1) ?? placeInLines(document, rows[at + index] ?? []),
    });
    return headings === 0 ? [] : [{ headings, read }];
  });
}

/** @param row counted from the header, which is 0 */
function placeOfCells({ page, name, rowNumbers }: Table, row: number): Place | undefined {
  const number = rowNumbers?.[row];
  if (page === undefined || number === undefined) return undefined;
  return { page, ...(name !== undefined && { sheet: name }), row: number };
}

/** The line that says the same as a row, in kinds that show their tables among their lines. */
function placeInLines(document: ReadDocument, row: readonly string[]): Place | undefined {
  const words = row.flatMap((cell) => cell.split('\n')[0]?.trim() || []).join('\n');
  const at = document.lines
    .slice(0, SEARCHED_LINES)
    .findIndex(({ segments }) => segments.map(({ text }) => text).join('\n') === words);
  return at < 0 || words === '' ? undefined : placeOfLine(document, at);
}

/** Lines with a heading, over rows that only their places make a table; headings may be written over two lines. */
function alignedCandidates(document: ReadDocument, match: Match, isLabel: IsLabel): Candidate[] {
  if (NOTHING_BUT_CELLS.has(document.kind)) return [];
  const { lines } = document;
  const headingsOf = ({ segments }: Line) =>
    segments.length === 0 ? 0 : count(match(segments.map(({ text }) => text)));
  const under =
    (at: number, twoLines = false) =>
    () => {
      const table = readTableUnder(lines, at, { endsTable: isLabel, twoLines });
      const placeOfRow = (index: number) => placeOfLine(document, table.lineOfRow[index] ?? at);
      return { ...table, placeOfRow, lastLine: table.lineOfRow.at(-1) };
    };
  return lines.flatMap((line, at): Candidate[] => {
    const headings = headingsOf(line);
    if (headings === 0) return [];
    const joined = joinHeadings(line, lines[at + 1]);
    const both = joined === undefined ? 0 : headingsOf(joined);
    const one: Candidate = { at, headings, read: under(at) };
    if (joined === undefined || both < headings) return [one];
    const second: Candidate = { at, headings: both, read: under(at + 1, true) };
    return both === headings ? [one, second] : [second, one];
  });
}

/**
 * Rows up to one that begins with another field's label ("Total due"). Left out are rows without any wanted cell, repeated
 * headings, and what sums up; below a sum only what fills half of the columns is a row again.
 */
function takeColumns({ header, rows, placeOfRow }: PlacedTable, places: readonly number[], isLabel: IsLabel) {
  const taken: FoundRow[] = [];
  const columns = header.filter((cell) => cell !== '').length;
  let summedUp = false;
  for (const [index, row] of rows.entries()) {
    if (isLabel(row.find((cell) => cell !== '') ?? '')) break;
    const cells = places.map((place) => (place < 0 ? undefined : (row[place] ?? '').trim()));
    const filled = cells.filter((cell) => cell !== undefined && cell !== '').length;
    if (filled === 0 || isSameRow(row, header)) continue;
    const isSum = isSummaryRow(row, columns);
    summedUp ||= isSum;
    if (isSum || (summedUp && (isTaxRow(row) || filled * 2 < count(places)))) continue;
    taken.push({ cells, place: () => placeOfRow(index) });
  }
  return taken;
}

function isSameRow(row: readonly string[], header: readonly string[]): boolean {
  const words = header.filter((cell) => cell !== '');
  return words.length > 1 && header.every((cell, index) => cell === (row[index] ?? ''));
}
