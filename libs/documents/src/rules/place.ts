import type { DocumentKind, ReadDocument, Segment } from '../document.ts';
import { DRAWN } from './kinds.ts';

/**
 * Where something stands. Pages, rows, columns and lines count from 1; `x` and `y` are the distances of the upper left corner
 * from that of the page, in points, in a picture in its pixels. They are close to what is printed: a PDF does not tell where letters end.
 */
export interface Place {
  readonly page: number;
  readonly x?: number;
  readonly y?: number;
  readonly width?: number;
  readonly height?: number;
  readonly sheet?: string;
  readonly row?: number;
  readonly column?: number;
  readonly line?: number;
  /** Of a value in JSON or XML. */
  readonly path?: string;
}

const IN_CELLS: ReadonlySet<DocumentKind> = new Set<DocumentKind>(['csv', 'xlsx', 'ods']);
/** Kinds whose lines nobody sees. */
const WITHOUT_LINES: ReadonlySet<DocumentKind> = new Set<DocumentKind>(['json', 'xml']);
/** Width of a column of cells in the lines of a sheet. */
const CELL = 100;
/** In characters: places behind are not worth the time to count up to them. */
const FURTHEST = 200_000;
const LINE_BREAK = /\r\n|[\n\r\f\u2028\u2029]/u;
/** How far letters reach above their base line, in parts of their size. */
const ASCENT = 0.8;

/** The part of a segment from a character on. */
export interface Piece {
  readonly line: number;
  readonly segment: Segment;
  readonly from?: number;
}

/** Where a piece of a line stands. */
export function placeOf(document: ReadDocument, { line: index, segment, from = 0 }: Piece): Place {
  const line = document.lines[index];
  if (line === undefined) return { page: 1 };
  const { page, top, height, row } = line;
  if (IN_CELLS.has(document.kind)) {
    const sheet = document.tables.find((table) => table.page === page)?.name;
    const named = sheet === undefined ? { page } : { page, sheet };
    return { ...named, row: row ?? Math.floor(top) + 1, column: Math.floor(segment.left / CELL) + 1 };
  }
  if (WITHOUT_LINES.has(document.kind)) return { page };
  if (!DRAWN.has(document.kind)) return { page, line: index + 1 };
  const x = segment.left + (segment.right - segment.left) * (from / Math.max(1, segment.text.length));
  return box(page, { x, y: top - ASCENT * height, width: segment.right - x, height });
}

/** A place in points, to a tenth of one. */
export function box(
  page: number,
  { x, y, width, height }: Readonly<Record<'x' | 'y' | 'width' | 'height', number>>,
): Place {
  return { page, x: tenth(x), y: tenth(y), width: tenth(width), height: tenth(height) };
}

function tenth(points: number): number {
  return Math.round(points * 10) / 10;
}

/** Where pieces stand together, of which the first is the uppermost. */
export function placeOfPieces(document: ReadDocument, pieces: readonly Piece[]): Place {
  const boxes = pieces
    .map((piece) => placeOf(document, piece))
    .flatMap((place) => (isBox(place) ? [place] : []));
  const [first] = pieces;
  if (first === undefined) return { page: 1 };
  const { page, ...rest } = placeOf(document, first);
  if (pieces.length === 1 || boxes.length === 0) return { page, ...rest };
  const x = Math.min(...boxes.map((each) => each.x));
  const y = Math.min(...boxes.map((each) => each.y));
  const width = Math.max(...boxes.map((each) => each.x + each.width)) - x;
  const height = Math.max(...boxes.map((each) => each.y + each.height)) - y;
  return box(page, { x, y, width, height });
}

function isBox(place: Place): place is Place & Readonly<Record<'x' | 'y' | 'width' | 'height', number>> {
  return place.x !== undefined && place.height !== undefined;
}

/** Whether a document has lines that a person sees one below the other. */
export function hasLines({ kind }: ReadDocument): boolean {
  return !WITHOUT_LINES.has(kind);
}

/** Where all segments of a line stand together. */
export function placeOfLine(document: ReadDocument, index: number): Place {
  const segments = document.lines[index]?.segments ?? [];
  const left = Math.min(...segments.map((segment) => segment.left));
  const right = Math.max(...segments.map((segment) => segment.right));
  const { column: _column, ...place } = placeOf(document, {
    line: index,
    segment: { text: '', left, right },
  });
  return place;
}

/** Where a part of the whole text stands: the line it is in, or the piece of the layout that holds it. Unknown far inside a long text. */
export function placeOfText(document: ReadDocument, text: string, offset: number): Place | undefined {
  if (offset > FURTHEST) return undefined;
  if (document.kind === 'txt' || document.kind === 'md')
    return { page: 1, line: document.text.slice(0, offset).split(LINE_BREAK).length };
  const wanted = text.trim();
  const nth = wanted === '' ? 0 : document.text.slice(0, offset).split(wanted).length - 1;
  let seen = 0;
  for (const [line, { segments }] of document.lines.entries()) {
    for (const segment of segments) {
      const from = wanted === '' ? -1 : segment.text.indexOf(wanted);
      if (from < 0) continue;
      if (seen === nth) return withWidth(placeOf(document, { line, segment, from }), segment, wanted);
      seen += 1;
    }
  }
  return undefined;
}

function withWidth(place: Place, { left, right, text }: Segment, part: string): Place {
  if (place.width === undefined) return place;
  return { ...place, width: tenth(((right - left) * part.length) / Math.max(1, text.length)) };
}
