import { cleanText } from '../values/clean.ts';
import type { Row } from './pdf-rows.ts';

/** A run of text that is written from top to bottom. `left` is the middle of its column. */
export interface VerticalText {
  readonly text: string;
  readonly left: number;
  readonly top: number;
  readonly bottom: number;
  readonly size: number;
}

/** In parts of the letter size: runs whose middles are closer stand in one column. */
const SAME_COLUMN = 0.5;
/** A gap above the first is a space, above the second another column. */
const SPACE_GAP = 0.15;
const COLUMN_GAP = 1;

/** Columns that stand side by side. */
interface Tier {
  readonly top: number;
  readonly columns: VerticalText[];
  bottom: number;
}

/** Columns of vertical writing between the rows of a page: tier by tier, each from right to left. */
export function withColumns(rows: readonly Row[], texts: readonly VerticalText[]): readonly Row[] {
  if (texts.length === 0) return rows;
  const tiers = tiersOf(columnsOf(texts)).map(({ top, columns }) => ({
    top,
    rows: isLine(columns)
      ? [lineOf(columns)]
      : columns.toSorted((one, other) => other.left - one.left).map(toRow),
  }));
  const single = rows.map((row) => ({ top: row.top, rows: [row] }));
  return [...single, ...tiers].sort((one, other) => one.top - other.top).flatMap((part) => part.rows);
}

/** Letters side by side and none below another: a line that somebody set letter by letter. */
function isLine(columns: readonly VerticalText[]): boolean {
  return columns.length > 1 && columns.every(({ text }) => [...text].length === 1);
}

function lineOf(columns: readonly VerticalText[]): Row {
  const letters = columns.toSorted((one, other) => one.left - other.left).map(toRow);
  const [first, last] = [letters[0]!.segments[0]!, letters.at(-1)!.segments[0]!];
  const text = letters.flatMap(({ segments }) => segments.map((segment) => segment.text)).join('');
  return { ...letters[0]!, segments: [{ text, left: first.left, right: last.right }] };
}

/** The runs of a column, joined where one goes on below the other. */
function columnsOf(texts: readonly VerticalText[]): VerticalText[] {
  const places: VerticalText[][] = [];
  for (const text of texts.toSorted((one, other) => one.left - other.left)) {
    const place = places.at(-1);
    const first = place?.[0];
    if (place !== undefined && first !== undefined && text.left - first.left <= SAME_COLUMN * first.size)
      place.push(text);
    else places.push([text]);
  }
  return places.flatMap(joined);
}

/** What stands below each other at one place. */
function joined(place: readonly VerticalText[]): VerticalText[] {
  const columns: { texts: string[]; first: VerticalText; bottom: number }[] = [];
  for (const text of place.toSorted((one, other) => one.top - other.top)) {
    const column = columns.at(-1);
    const gap = column === undefined ? Infinity : (text.top - column.bottom) / text.size;
    if (column === undefined || gap > COLUMN_GAP)
      columns.push({ texts: [text.text], first: text, bottom: text.bottom });
    else {
      column.texts.push(gap > SPACE_GAP ? ' ' : '', text.text);
      column.bottom = Math.max(column.bottom, text.bottom);
    }
  }
  return columns.map(({ texts, first, bottom }) => ({ ...first, text: texts.join(''), bottom }));
}

function tiersOf(columns: readonly VerticalText[]): Tier[] {
  const tiers: Tier[] = [];
  for (const column of columns.toSorted((one, other) => one.top - other.top)) {
    const tier = tiers.at(-1);
    if (tier === undefined || column.top >= tier.bottom)
      tiers.push({ top: column.top, columns: [column], bottom: column.bottom });
    else {
      tier.columns.push(column);
      tier.bottom = Math.max(tier.bottom, column.bottom);
    }
  }
  return tiers;
}

function toRow({ text, left, top, size }: VerticalText): Row {
  const segment = { text: cleanText(text).trim(), left: left - size / 2, right: left + size / 2 };
  return { top, size, segments: [segment] };
}
