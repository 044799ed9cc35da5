import type { DocumentKind, ReadDocument, Table } from '../document.ts';
import { readTableUnder } from '../layout/aligned-table.ts';
import { type Wording, wordPattern, wordings } from './wording.ts';
import type { IsLabel } from './label.ts';

/** A heading may stand below titles and addresses, but not deep in the data. */
const HEADER_SEARCH_ROWS = 50;

/** Kinds whose tables are told by the layout alone, and kinds that have no layout beside their cells. */
const WITHOUT_CELLS: ReadonlySet<DocumentKind> = new Set(['txt', 'pdf']);
const NOTHING_BUT_CELLS: ReadonlySet<DocumentKind> = new Set(['csv', 'json', 'xml', 'xlsx', 'ods']);

/** The cells under each wanted heading, row by row; undefined for a heading that the table lacks. */
export interface FoundTable {
  readonly rows: readonly (readonly (string | undefined)[])[];
}

/** Prepares the search for a table by its headings; the table with most of them wins, the first of equals. */
export function compileColumns(headings: readonly Wording[], isLabel: IsLabel) {
  const matchers = headings.map(headingMatcher);
  const match = (cells: readonly string[]) => matchers.map((matcher) => matcher(cells));
  return (document: ReadDocument): FoundTable | undefined => {
    const candidates = [...cellCandidates(document, match), ...alignedCandidates(document, match, isLabel)];
    for (const { read } of candidates.toSorted((one, other) => other.headings - one.headings)) {
      const table = read();
      const rows = takeColumns(table, match(table.header), isLabel);
      if (rows.length > 0) return { rows };
    }
    return undefined;
  };
}

/** A place where a table may begin. It is read only when no better one has rows. */
interface Candidate {
  readonly headings: number;
  readonly read: () => Table;
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
  return document.tables.flatMap(({ header, rows }) => {
    const counts = [header, ...rows.slice(0, HEADER_SEARCH_ROWS)].map((row) => count(match(row)));
    const headings = Math.max(...counts);
    const at = counts.indexOf(headings);
    const read = () => (at === 0 ? { header, rows } : { header: rows[at - 1] ?? [], rows: rows.slice(at) });
    return headings === 0 ? [] : [{ headings, read }];
  });
}

/** Lines with a heading, over rows that only their places make a table. */
function alignedCandidates(document: ReadDocument, match: Match, isLabel: IsLabel): Candidate[] {
  if (NOTHING_BUT_CELLS.has(document.kind)) return [];
  const { lines } = document;
  return lines.flatMap(({ segments }, at) => {
    const headings = segments.length === 0 ? 0 : count(match(segments.map(({ text }) => text)));
    return headings === 0 ? [] : [{ headings, read: () => readTableUnder(lines, at, isLabel) }];
  });
}

/** Rows up to one that begins with another field's label ("Total due"); rows without any wanted cell are left out. */
function takeColumns({ rows }: Table, places: readonly number[], isLabel: IsLabel) {
  const end = rows.findIndex((row) => isLabel(row.find((cell) => cell !== '') ?? ''));
  return rows
    .slice(0, end < 0 ? rows.length : end)
    .map((row) => places.map((place) => (place < 0 ? undefined : (row[place] ?? '').trim())))
    .filter((row) => row.some((cell) => cell !== undefined && cell !== ''));
}
