import type { ReadDocument, Table } from '../document.ts';
import { readTableUnder } from '../layout/aligned-table.ts';
import { type Wording, wordPattern, wordings } from './wording.ts';
import type { IsLabel } from './label.ts';

/** A heading may stand below titles and addresses, but not deep in the data. */
const HEADER_SEARCH_ROWS = 50;

/** The cells under each wanted heading, row by row; undefined for a heading that the table lacks. */
export interface FoundTable {
  readonly rows: readonly (readonly (string | undefined)[])[];
}

/** Prepares the search for a table by its headings; the table with most of them wins, the first of equals. */
export function compileColumns(headings: readonly Wording[], isLabel: IsLabel) {
  const matchers = headings.map(headingMatcher);
  const match = (cells: readonly string[]) => matchers.map((matcher) => matcher(cells));
  return (document: ReadDocument): FoundTable | undefined => {
    const tables = candidates(document, match, isLabel);
    const best = tables.toSorted((one, other) => count(match(other.header)) - count(match(one.header)))[0];
    return best === undefined ? undefined : { rows: takeColumns(best, match(best.header), isLabel) };
  };
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

function candidates(document: ReadDocument, match: Match, isLabel: IsLabel): Table[] {
  const cells = document.tables.flatMap((table) => withHeader(table, match));
  if (document.kind === 'csv' || document.kind === 'json') return cells;
  const aligned = document.lines.flatMap(({ segments }, at) => {
    if (segments.length === 0 || count(match(segments.map(({ text }) => text))) === 0) return [];
    const table = readTableUnder(document.lines, at, isLabel);
    return table.rows.length > 0 ? [table] : [];
  });
  return document.kind === 'docx' ? [...cells, ...aligned] : aligned;
}

/** The same table from each row on that holds a wanted heading. */
function withHeader(table: Table, match: Match): Table[] {
  const rows = [table.header, ...table.rows];
  const best = rows.slice(0, HEADER_SEARCH_ROWS).map((row) => count(match(row)));
  const at = best.indexOf(Math.max(...best));
  const header = rows[at];
  return header === undefined || best[at] === 0 ? [] : [{ header, rows: rows.slice(at + 1) }];
}

/** Rows up to one that begins with another field's label ("Total due"); rows without any wanted cell are left out. */
function takeColumns({ rows }: Table, places: readonly number[], isLabel: IsLabel) {
  const end = rows.findIndex((row) => isLabel(row.find((cell) => cell !== '') ?? ''));
  return rows
    .slice(0, end < 0 ? rows.length : end)
    .map((row) => places.map((place) => (place < 0 ? undefined : (row[place] ?? '').trim())))
    .filter((row) => row.some((cell) => cell !== undefined && cell !== ''));
}
