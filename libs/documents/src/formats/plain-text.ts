import type { Line, ReadDocument, ReadLimits, Segment } from '../document.ts';
import { lazy } from '../lazy.ts';
import { detectTables } from '../layout/aligned-table.ts';
import { createPieceBudget, type TakePieces } from '../layout/piece-budget.ts';

const TAB_WIDTH = 8;
/** In characters. The engine's patterns run out of stack on a single line of millions, so longer lines are cut. */
const CHUNK = 20_000;
const LINE_BREAK = /\r\n|[\n\r\f\u2028\u2029]/gu;
const SPACED = /\S+(?: \S+)*/gu;
const PIPED = /[^\s|│]+(?: [^\s|│]+)*/gu;
const ONLY_RULES = /^[-=_+*|│.:~─━═\s]*$/u;

/** A text file: its lines, cut into segments wherever two spaces, a tab or a table's bar stand. */
export function readPlainText(text: string, { maxPieces }: ReadLimits): ReadDocument {
  const lines = lazy(() => toLines(text, createPieceBudget(maxPieces)));
  const tables = lazy(() => detectTables(lines()));
  return {
    kind: 'txt',
    mediaType: 'text/plain',
    text: text.toWellFormed(),
    pageCount: 1,
    get lines() {
      return lines();
    },
    get tables() {
      return tables();
    },
  };
}

/** A loop, not a split: one call that makes millions of lines could not be interrupted when memory ends. */
function toLines(text: string, take: TakePieces): Line[] {
  const lines: Line[] = [];
  let from = 0;
  const add = (to: number) => {
    take(1);
    lines.push({ page: 1, top: lines.length, height: 1, segments: cutSegments(text.slice(from, to), take) });
  };
  for (const { 0: lineBreak, index } of text.matchAll(LINE_BREAK)) {
    add(index);
    from = index + lineBreak.length;
  }
  add(text.length);
  return lines;
}

/** Cuts one line of text; the edges are columns of characters, with tab stops every eight. */
export function cutSegments(text: string, take: TakePieces): Segment[] {
  if (ONLY_RULES.test(text)) return [];
  const spread = text.includes('\t') ? spreadTabs(text, take) : text;
  const pattern = /[|│].*[|│]/u.test(spread.slice(0, CHUNK)) ? PIPED : SPACED;
  const segments: Segment[] = [];
  for (let from = 0; from < spread.length; from += CHUNK) {
    for (const { 0: found, index } of spread.slice(from, from + CHUNK).matchAll(pattern)) {
      take(1);
      segments.push({ text: found, left: from + index, right: from + index + found.length });
    }
  }
  return segments;
}

/** A tab always separates, so it becomes two spaces at least. */
function spreadTabs(text: string, take: TakePieces): string {
  let spread = '';
  let from = 0;
  for (let tab = text.indexOf('\t'); tab >= 0; tab = text.indexOf('\t', from)) {
    take(1);
    spread += text.slice(from, tab);
    spread = spread.padEnd(Math.ceil((spread.length + 2) / TAB_WIDTH) * TAB_WIDTH);
    from = tab + 1;
  }
  return spread + text.slice(from);
}
