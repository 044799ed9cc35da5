import type { Line } from '../document.ts';

/** What a layout says about where values stand. */
interface Direction {
  readonly direction: 'beside' | 'below';
  /** The label is a heading over several rows, so what is under it is one of many. */
  readonly isTable: boolean;
}

interface Value {
  readonly kind: 'beside' | 'below';
  readonly text: string;
}

/** Where the value of a label in a line is to be expected. */
export function directionOf(
  lines: readonly Line[],
  at: number,
  { colon }: { readonly colon: boolean } = { colon: false },
  values: readonly Value[] = [],
): Direction {
  const line = lines[at];
  const next = lines[at + 1];
  const isHeader = looksLikeHeader(line, next);
  const text = (kind: Value['kind']) => values.find((value) => value.kind === kind)?.text;
  const isHeading = isHeader || looksLikeCells(line, next, text('beside'), text('below'));
  return {
    direction: isHeading && !colon ? 'below' : 'beside',
    isTable: isHeader && isRow(line, lines[at + 2]) && isRow(line, next),
  };
}

/** Two words side by side over two texts, of which the one under the label has a digit: both words are labels. */
function looksLikeCells(line: Line | undefined, next: Line | undefined, beside = '', below = ''): boolean {
  const even = line !== undefined && line.segments.length === next?.segments.length;
  return even && beside !== '' && !/\d/u.test(beside) && /\d/u.test(below);
}

/** Three or more pieces without a digit or a colon, above as many with a digit somewhere: headings over values. */
function looksLikeHeader(line: Line | undefined, next: Line | undefined): boolean {
  if (line === undefined || next === undefined || line.segments.length < 3) return false;
  return line.segments.every(({ text }) => !/\d|:$/u.test(text)) && isRow(line, next);
}

/** About as many pieces as the line of headings has, one with a digit. */
function isRow(header: Line | undefined, row: Line | undefined): boolean {
  if (header === undefined || row === undefined || header.page !== row.page) return false;
  const even = Math.abs(row.segments.length - header.segments.length) <= 1;
  return even && row.segments.some(({ text }) => /\d/u.test(text));
}
