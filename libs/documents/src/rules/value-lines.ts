import type { Line, Segment } from '../document.ts';
import type { LabelTests } from './label-tests.ts';
import type { Piece } from './place.ts';

/** A part of a line, and what of it belongs to the value. */
export interface ValueLine extends Piece {
  readonly text: string;
}

/** Where a value begins, seen from its label. */
interface Beginning {
  readonly first: ValueLine;
  /** What stands at that place, of which the first line may be only the part before another label. */
  readonly whole: string;
  readonly label: { readonly segment: Segment; readonly colon: boolean };
  readonly where: 'behind' | 'beside' | 'below';
}

const MOST_LINES = 30;
/** Lines of other columns that may lie between two of a value. */
const MOST_STEPS = 200;
/** In line heights, from one base line to the next: what is further away is a gap. */
const GAP = 1.9;
/** Of the distance between the two lines before. */
const WIDENING = 1.4;
/** A line to write on, or one that rules off. */
const RULED = /^[_.…\s=*–—-]{3,}$/u;
/** What begins like a label with its value, in a document that writes them so. */
const LABELLED = /^\p{L}[^:：]{0,40}[:：](?:\s|$)/u;

/**
 * The lines of a value from its first one down: those that stand below each other, until a gap, the next label, or the value of another.
 * At most 30.
 */
export function valueLines(
  lines: readonly Line[],
  beginning: Beginning,
  { isLabel, cutAtLabel }: LabelTests,
): readonly ValueLine[] {
  const { first, whole, label, where } = beginning;
  const taken = [first];
  if (first.text.length < whole.trim().length) return taken;
  let column = where === 'behind' ? label.segment : first.segment;
  let last = lines[first.line];
  let mostAway = GAP * (last?.height || 1);
  for (let at = first.line + 1; at <= first.line + MOST_STEPS && taken.length < MOST_LINES; at += 1) {
    const line = lines[at];
    if (last === undefined || line === undefined || line.page !== last.page) break;
    const away = line.top - last.top;
    if (away > mostAway || (where === 'beside' && overlapping(line, label.segment) !== undefined)) break;
    const segment = overlapping(line, column);
    if (segment === undefined) continue;
    const text = cutAtLabel(segment.text);
    if (text === '' || isLabel(segment.text) || endsBlock(segment.text, label.colon && where === 'behind'))
      break;
    taken.push({ line: at, segment, text });
    if (text.length < segment.text.trim().length) break;
    column = around(column, segment);
    mostAway = Math.min(mostAway, WIDENING * away);
    last = line;
  }
  return taken;
}

function endsBlock(text: string, labelsHaveColons: boolean): boolean {
  return RULED.test(text) || /[:：]$/u.test(text) || (labelsHaveColons && LABELLED.test(text));
}

/** Of the pieces that reach into a column, the one that begins closest to where it does. */
function overlapping({ segments }: Line, column: Segment): Segment | undefined {
  const away = ({ left }: Segment) => Math.abs(left - column.left);
  return segments
    .filter(({ left, right }) => left < column.right && right > column.left)
    .toSorted((one, other) => away(one) - away(other))[0];
}

function around(one: Segment, other: Segment): Segment {
  return { text: '', left: Math.min(one.left, other.left), right: Math.max(one.right, other.right) };
}
