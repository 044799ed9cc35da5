import { type Look, painted } from './look.ts';
import { stateMeaning } from './state-meaning.ts';

export interface TableLook extends Look {
  /** The widest a cell may be, however wide the terminal is. Default 200. */
  readonly widest?: number;
  /** Columns that a narrow terminal does without, the first one first. Default: none. */
  readonly dispensable?: readonly string[];
  /** Columns of names that the next command needs: a cell of them is whole or not there. Ids are so anyway. Default: none. */
  readonly whole?: readonly string[];
}

/** Columns that say how things are. */
const STATES = ['STATE', 'STATUS', 'OUTCOME', 'SERVED'];
/** Only free text, such as an error that quotes a document, is longer. */
const LONGEST_TEXT = 200;

/**
 * Lines of a table with columns as wide as their widest cell, or as `widest` allows. Where `columns` says how wide the terminal
 * is, cells are shortened until lines fit, as far as that goes, then columns left out, then cells shortened further: ids and what else
 * is to be typed again stay whole, though lines be wider then, and numbers and times as long as there is any text to shorten. What was left out
 * is named below. Where colours are seen, states have those of what they mean. Empty when there are no rows.
 */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  look: TableLook = {},
): string[] {
  if (rows.length === 0) return [];
  const { widest = LONGEST_TEXT, columns = Number.POSITIVE_INFINITY, dispensable = [], whole = [] } = look;
  const all = [headings, ...rows].map((row) =>
    row.map((cell, column) => {
      const text = oneLine(cell);
      return whole.includes(headings[column]!) ? text : shorten(text, widest);
    }),
  );
  const bounds = headings.map((heading, column) =>
    boundsOf(heading, all, { column, isWhole: whole.includes(heading) }),
  );
  const left = leftOut(headings, bounds, { columns, dispensable });
  const shown = headings.flatMap((heading, column) => (left.has(heading) ? [] : [column]));
  const widths = fitting(
    shown.map((column) => bounds[column]!),
    columns,
  );
  const lines = all.map((row, line) =>
    shown.map((column, place) => {
      const isState = line > 0 && STATES.includes(headings[column]!);
      return cellOf(row[column] ?? '', widths[place]!, { isState, look });
    }),
  );
  const rule = widths.map((width) => '─'.repeat(width));
  return [
    ...lines.toSpliced(1, 0, rule).map((row) => row.join('  ').trimEnd()),
    ...wrapped(leftOutWords(headings.filter((heading) => left.has(heading))), columns),
  ];
}

function leftOutWords(headings: readonly string[]): string {
  return headings.length === 0
    ? ''
    : `Not shown at this width: ${headings.join(', ')}. A wider terminal or --json has them.`;
}

/** The words in lines as wide as the terminal; none for no words. */
function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ').filter(Boolean)) {
    const longer = `${lines.at(-1) ?? ''} ${word}`;
    if (lines.length > 0 && lengthOf(longer) <= columns) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** A word of a number, a duration, a size or a moment: half of it says something else. */
const MEASURE = /^(?:[-+\d.,:/%TZ]+|ms|s|min|h|[KMGT]?B)$/;
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-/;
const NARROWEST = 8;
/** It tells which line this is. */
const NARROWEST_FIRST = 24;
/** When nothing else helps. */
const LEAST = 5;
const LEAST_FIRST = 16;
const GAP = 2;

/** How wide a column is by itself, how narrow it can be and still be read, how narrow before measures are cut, and at the very least. */
interface Bounds {
  readonly natural: number;
  readonly narrow: number;
  readonly cut: number;
  readonly least: number;
}

function boundsOf(
  heading: string,
  lines: readonly (readonly string[])[],
  { column, isWhole }: { column: number; isWhole: boolean },
): Bounds {
  const cells = lines.map((row) => row[column] ?? '');
  const natural = Math.max(...cells.map(lengthOf));
  if (isWhole || cells.some((cell) => ID.test(cell)))
    return { natural, narrow: natural, cut: natural, least: natural };
  if (cells.slice(1).every(isMeasure))
    return { natural, narrow: natural, cut: natural, least: Math.min(natural, LEAST) };
  if (STATES.includes(heading)) {
    const least = Math.min(natural, NARROWEST);
    return { natural, narrow: natural, cut: least, least };
  }
  const narrow = column === 0 ? NARROWEST_FIRST : Math.max(lengthOf(heading), NARROWEST);
  const least = Math.min(natural, column === 0 ? LEAST_FIRST : LEAST);
  return { natural, narrow: Math.min(natural, narrow), cut: least, least };
}

function isMeasure(cell: string): boolean {
  return cell.split(' ').every((word) => word === '' || MEASURE.test(word));
}

/** The columns without which the others can be read. */
function leftOut(
  headings: readonly string[],
  bounds: readonly Bounds[],
  { columns, dispensable }: { columns: number; dispensable: readonly string[] },
): ReadonlySet<string> {
  const left = new Set<string>();
  const isTooWide = () =>
    total(bounds.filter((_bounds, at) => !left.has(headings[at]!)).map(({ narrow }) => narrow)) > columns;
  for (const heading of dispensable) if (isTooWide()) left.add(heading);
  return left;
}

/** Widths that fit, if there are such. */
function fitting(bounds: readonly Bounds[], columns: number): number[] {
  const steps = (['narrow', 'cut', 'least'] as const).map((step) => bounds.map((one) => one[step]));
  return steps.reduce(
    (widths, least) => narrowed(widths, least, columns),
    bounds.map(({ natural }) => natural),
  );
}

/** Takes from the widest column that has something to give until all fit, or none has. */
function narrowed(from: readonly number[], least: readonly number[], columns: number): number[] {
  const widths = [...from];
  while (total(widths) > columns) {
    const spare = widths.map((width, column) => (width > least[column]! ? width : 0));
    const widest = spare.indexOf(Math.max(...spare));
    if (spare[widest] === 0) break;
    widths[widest]! -= 1;
  }
  return widths;
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width + GAP, -GAP);
}

/** Its colour is put round what is seen, so that it takes no room. */
function cellOf(text: string, width: number, { isState, look }: { isState: boolean; look: Look }): string {
  const shown = shorten(text, width);
  return painted(shown, isState ? stateMeaning(text) : undefined, look) + ' '.repeat(width - lengthOf(shown));
}

/** The text on one line. Control characters of a document must not reach the terminal. */
export function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ').trim();
}

/** As {@link oneLine}, with its spaces: what programs say is set in by them, as tracebacks are. A tab is four. */
export function spacedLine(text: string): string {
  return text
    .replaceAll('\t', '    ')
    .replace(/[^\S ]+|[\p{Cc}\p{Cf}]+/gu, ' ')
    .trimEnd();
}

function lengthOf(text: string): number {
  return [...text].length;
}

function shorten(text: string, widest: number): string {
  const characters = [...text];
  return characters.length <= widest ? text : `${characters.slice(0, widest - 1).join('')}…`;
}
