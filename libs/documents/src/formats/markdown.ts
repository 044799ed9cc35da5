import type { ReadDocument, ReadLimits } from '../document.ts';
import { blocksDocument } from '../layout/blocks.ts';
import { createTextFlow, type TextFlow } from '../layout/text-flow.ts';

const LINE_BREAK = /\r\n|[\n\r]/u;
const FENCE = /^\s{0,3}(?:```|~~~)/u;
const RULE = /^\s{0,3}(?:[-*_]\s*){3,}$|^\s{0,3}(?:=+|-+)\s*$/u;
const TABLE_RULE = /^\s*\|?(?:\s*:?-+:?\s*\|)+\s*:?-*:?\s*$/u;
/** In characters; a longer line is no writing of a person, and stays as it is. */
const LONGEST = 10_000;

/** Markdown: its text without the marks, its pipe tables as tables. Code stays as it is. */
export function readMarkdown(text: string, limits: ReadLimits): ReadDocument {
  const flow = createTextFlow(limits);
  const lines = text.split(LINE_BREAK);
  let inCode = false;
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    if (FENCE.test(line)) inCode = !inCode;
    else if (inCode) addLine(flow, line);
    else if (line.includes('|') && TABLE_RULE.test((lines[at + 1] ?? '').slice(0, LONGEST)))
      at = addTable(flow, lines, at);
    else if (!RULE.test(line.slice(0, LONGEST))) addLine(flow, withoutMarks(line));
  }
  const head = { kind: 'md', mediaType: 'text/markdown', pageCount: 1 } as const;
  return blocksDocument(head, flow.blocks(), limits);
}

function addLine(flow: TextFlow, line: string): void {
  flow.text(line);
  flow.endParagraph();
}

/** @returns the last line of the table */
function addTable(flow: TextFlow, lines: readonly string[], from: number): number {
  flow.openTable();
  let at = from;
  for (; at < lines.length && (lines[at] ?? '').includes('|'); at += 1) {
    if (at === from + 1) continue;
    flow.openRow();
    for (const cell of cells(lines[at] ?? '')) {
      flow.openCell();
      flow.text(withoutMarks(cell).trim());
      flow.closeCell();
    }
    flow.closeRow();
  }
  flow.closeTable();
  return at - 1;
}

function cells(line: string): string[] {
  const bare = line
    .trim()
    .replace(/^\|/u, '')
    .replace(/(?<!\\)\|$/u, '');
  return bare.split(/(?<!\\)\|/u).map((cell) => cell.replaceAll('\\|', '|'));
}

/** What a person reads when the page is shown: no signs for headings, emphasis, code and links. */
function withoutMarks(line: string): string {
  if (line.length > LONGEST) return line;
  return line
    .replace(/^\s{0,3}(?:#{1,6}\s+|>\s?)+/u, '')
    .replaceAll(/(\*\*|__)(?=\S)([^*_]{1,500})(?<=\S)\1/gu, '$2')
    .replaceAll(/(?<![\w*])\*(?=\S)([^*]{1,500})(?<=\S)\*(?![\w*])/gu, '$1')
    .replaceAll(/`([^`]{1,500})`/gu, '$1')
    .replaceAll(/!?\[([^\][]{1,500})\]\([^()\s]{0,1000}(?:\s+"[^"]{0,200}")?\)/gu, '$1');
}
