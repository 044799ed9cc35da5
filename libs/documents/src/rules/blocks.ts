import type { ReadDocument } from '../document.ts';
import type { FoundRow } from './column.ts';
import { compileLabel } from './label.ts';
import { findHits, type Hit } from './label-hits.ts';
import type { LabelTests } from './label-tests.ts';
import { placeOf } from './place.ts';
import { type Wording, wordPattern, wordings } from './wording.ts';

/** A label that begins a block stands at the front of its text. */
const FRONT = 2;

/** A part of the document that begins at one place of the first label and ends at the next. */
interface Block {
  readonly start: Hit;
  readonly document: ReadDocument;
}

/**
 * Prepares the search for blocks that repeat the same labels. A block begins wherever the first of the labels stands, side by
 * side or one below the other, and holds what stands between that and the next.
 */
export function compileBlocks(labels: readonly Wording[], tests: LabelTests) {
  const [first, ...others] = labels;
  const starts = wordings(first ?? []).map(wordPattern);
  const own = compileLabel({ label: first ?? [] }, tests);
  const rest = others.map((label) => compileLabel({ label }, tests));
  return (document: ReadDocument): FoundRow[] =>
    blocksOf(document, starts).flatMap(({ start, document: part }): FoundRow[] => {
      const cells = [own, ...rest].map((find) => find(part)[0]?.value as string | undefined);
      const place = () => placeOf(document, { line: start.line, segment: start.segment });
      return cells.some((cell) => cell !== undefined) ? [{ cells, place }] : [];
    });
}

function blocksOf(document: ReadDocument, patterns: readonly RegExp[]): Block[] {
  const hits = patterns.flatMap((pattern) =>
    findHits(document.lines, pattern).filter(({ strength }) => strength >= FRONT),
  );
  const starts = [...new Map(hits.map((hit) => [hit.segment, hit])).values()].sort(
    (one, other) => one.line - other.line || one.segment.left - other.segment.left,
  );
  const rows = [...new Set(starts.map(({ line }) => line))];
  return starts.map((start) => {
    const end = rows[rows.indexOf(start.line) + 1] ?? document.lines.length;
    const right = starts.find(
      ({ line, segment }) => line === start.line && segment.left > start.segment.left,
    );
    const isFirst = !starts.some(
      ({ line, segment }) => line === start.line && segment.left < start.segment.left,
    );
    return {
      start,
      document: partOf(document, {
        from: start.line,
        to: end,
        left: isFirst ? -Infinity : start.segment.left,
        right: right?.segment.left ?? Infinity,
      }),
    };
  });
}

/** Only what lies in a rectangle, at the lines where it was. */
function partOf(
  document: ReadDocument,
  { from, to, left, right }: Readonly<Record<'from' | 'to' | 'left' | 'right', number>>,
): ReadDocument {
  const lines = document.lines.slice(from, to).map((line) => ({
    ...line,
    segments: line.segments.filter((segment) => segment.left >= left && segment.left < right),
  }));
  return { ...withoutLayout(document), lines, tables: [], fields: [] };
}

/** Copying a document would work out what it works out only when it is asked for. */
function withoutLayout({ kind, mediaType, text, pageCount }: ReadDocument) {
  return { kind, mediaType, text, pageCount };
}
