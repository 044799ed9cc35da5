/**
 * Lines of a table with columns as wide as their widest cell, or as `widest` allows. Where `columns` says how wide the terminal
 * is, cells are shortened until lines fit, as far as that goes: ids stay whole. Empty when there are no rows.
 */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  widest = 40,
  columns = Number.POSITIVE_INFINITY,
): string[] {
  if (rows.length === 0) return [];
  const all = [headings, ...rows].map((row) => row.map((cell) => shorten(oneLine(cell), widest)));
  const natural = headings.map((_heading, column) =>
    Math.max(...all.map((row) => lengthOf(row[column] ?? ''))),
  );
  const widths = fitting(natural, {
    columns,
    least: headings.map((heading, column) => {
      const hasIds = rows.some((row) => ID.test(row[column] ?? ''));
      const least = column === 0 ? NARROWEST_FIRST : Math.max(lengthOf(heading), NARROWEST);
      return hasIds ? natural[column]! : Math.min(natural[column]!, least);
    }),
  });
  const [head = [], ...body] = all.map((row) =>
    widths.map((width, column) => pad(shorten(row[column] ?? '', width), width)),
  );
  const rule = widths.map((width) => '─'.repeat(width));
  return [head, rule, ...body].map((row) => row.join('  ').trimEnd());
}

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-/;
const NARROWEST = 8;
/** It tells which line this is. */
const NARROWEST_FIRST = 24;
const GAP = 2;

/** Takes from the widest column that has something to give until all fit, or none has. */
function fitting(
  natural: readonly number[],
  { columns, least }: { columns: number; least: readonly number[] },
): number[] {
  const widths = [...natural];
  const total = () => widths.reduce((sum, width) => sum + width + GAP, -GAP);
  while (total() > columns) {
    const spare = widths.map((width, column) => (width > least[column]! ? width : 0));
    const widest = spare.indexOf(Math.max(...spare));
    if (spare[widest] === 0) break;
    widths[widest]! -= 1;
  }
  return widths;
}

/** The text on one line. Control characters of a document must not reach the terminal. */
export function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ').trim();
}

function lengthOf(text: string): number {
  return [...text].length;
}

function shorten(text: string, widest: number): string {
  const characters = [...text];
  return characters.length <= widest ? text : `${characters.slice(0, widest - 1).join('')}…`;
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(width - lengthOf(text));
}
