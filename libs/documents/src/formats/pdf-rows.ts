import type { Line, Segment } from '../document.ts';
import { joinAsRead } from '../layout/reading-direction.ts';
import { cleanText } from '../values/clean.ts';

/** A run of text on a page, in points; `top` is the distance of its base line from the upper edge. */
export interface PlacedText {
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly size: number;
}

/** What stands at one height of a page, cut where the gap is wider than between words. */
export interface Row {
  readonly top: number;
  readonly size: number;
  readonly segments: readonly Segment[];
}

/** What it consists of, from left to right. */
interface OpenSegment {
  readonly pieces: string[];
  readonly left: number;
  right: number;
}

/** In parts of the letter size: a gap above the first is a space, above the second the start of something else. */
const SPACE_GAP = 0.15;
const SEGMENT_GAP = 1.2;
const SAME_ROW = 0.5;
const USUAL_SIZE = 10;
/** White space beyond single spaces: looking for it first is cheaper than replacing each space by itself. */
const UNEVEN = /\s\s|[^\S ]/u;

/** Sorts the pieces of a page into rows from top to bottom. */
export function pageRows(items: readonly PlacedText[]): Row[] {
  const groups: PlacedText[][] = [];
  for (const item of items.toSorted((one, other) => one.top - other.top)) {
    const group = groups.at(-1);
    const first = group?.[0];
    const reach = SAME_ROW * Math.min(first?.size || USUAL_SIZE, item.size || USUAL_SIZE);
    if (group !== undefined && first !== undefined && item.top - first.top <= reach) group.push(item);
    else groups.push([item]);
  }
  return groups.map(toRow);
}

function toRow(group: readonly PlacedText[]): Row {
  const sorted = group.toSorted((one, other) => one.left - other.left);
  const segments: OpenSegment[] = [];
  let last: PlacedText | undefined;
  for (const item of sorted) {
    if (isPrintedTwice(last, item)) continue;
    const segment = segments.at(-1);
    const gap = segment === undefined ? Infinity : (item.left - segment.right) / (item.size || USUAL_SIZE);
    if (segment === undefined || gap > SEGMENT_GAP)
      segments.push({ pieces: [item.text], left: item.left, right: item.right });
    else {
      const spaced = /\s$/u.test(segment.pieces.at(-1) ?? '') || /^\s/u.test(item.text);
      if (gap > SPACE_GAP && !spaced) segment.pieces.push(' ');
      segment.pieces.push(item.text);
      segment.right = Math.max(segment.right, item.right);
    }
    last = item;
  }
  const size = Math.max(...group.map((item) => item.size)) || USUAL_SIZE;
  return { top: group[0]?.top ?? 0, size, segments: segments.map(tidy) };
}

/** Some programs print a letter twice, a little apart, to make it bold. */
function isPrintedTwice(last: PlacedText | undefined, item: PlacedText): boolean {
  return (
    last !== undefined &&
    last.text === item.text &&
    Math.abs(last.left - item.left) < 0.1 * (item.size || USUAL_SIZE)
  );
}

function tidy({ pieces, left, right }: OpenSegment): Segment {
  const text = cleanText(joinAsRead(pieces));
  return { text: (UNEVEN.test(text) ? text.replaceAll(/\s+/gu, ' ') : text).trim(), left, right };
}

/** Rows as the lines of a document. */
export function rowsToLines(rows: readonly Row[], page: number): Line[] {
  return rows.map(({ top, size, segments }) => ({ page, top, height: size, segments }));
}
