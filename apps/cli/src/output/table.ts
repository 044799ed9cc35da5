/** Lines of a table with columns as wide as their widest cell, or as `widest` allows. Empty when there are no rows. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  widest = 40,
): string[] {
  if (rows.length === 0) return [];
  const all = [headings, ...rows].map((row) => row.map((cell) => shorten(oneLine(cell), widest)));
  const widths = headings.map((_heading, column) =>
    Math.max(...all.map((row) => lengthOf(row[column] ?? ''))),
  );
  const [head = [], ...body] = all.map((row) => widths.map((width, column) => pad(row[column] ?? '', width)));
  const rule = widths.map((width) => '─'.repeat(width));
  return [head, rule, ...body].map((row) => row.join('  ').trimEnd());
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
