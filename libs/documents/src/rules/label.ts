import type { Line, ReadDocument, Segment } from '../document.ts';
import { type Wording, wordPattern, wordings } from './wording.ts';

export interface LabelRule {
  readonly label: Wording;
  readonly position?: 'beside' | 'below' | undefined;
}

/** Tells a text that begins with a label of any field, and so is nobody's value. */
export type IsLabel = (text: string) => boolean;

/** What may stand between a label and its value in one piece of text. */
const SEPARATOR = /^(?:\.(?=[\s:]|$)|\.{2,}|[\s:#=…]|[–—](?=\s))+/u;
const REACH = 3;

interface Hit {
  readonly line: number;
  readonly segment: Segment;
  /** How surely this is the label: 3 alone or before a colon, 2 in front, 1 inside with a colon, 0 inside. */
  readonly strength: number;
  /** Text behind the label in the same segment. */
  readonly rest: string;
  readonly colon: boolean;
}

/** Prepares a label rule: the labels in their order, each with its clearest places first. */
export function compileLabel(rule: LabelRule, tests: LabelTests) {
  const patterns = wordings(rule.label).map(wordPattern);
  return (document: ReadDocument): string[] => {
    const values = (hit: Hit) => valuesOf(hit, document.lines, rule.position, tests);
    return patterns.flatMap((pattern) => findHits(document.lines, pattern).flatMap(values));
  };
}

function findHits(lines: readonly Line[], pattern: RegExp): Hit[] {
  const hits: Hit[] = [];
  for (const [line, { segments }] of lines.entries()) {
    for (const segment of segments) {
      const match = pattern.exec(segment.text);
      if (match !== null) hits.push(toHit(line, segment, match));
    }
  }
  return hits.sort((one, other) => other.strength - one.strength || one.line - other.line);
}

function toHit(line: number, segment: Segment, match: RegExpExecArray): Hit {
  const behind = segment.text.slice(match.index + match[0].length);
  const separator = SEPARATOR.exec(behind)?.[0] ?? '';
  const rest = behind.slice(separator.length).trim();
  const colon = /[:=#]|\.{2,}|…/u.test(separator);
  const clear = colon || rest === '' ? 1 : 0;
  return { line, segment, rest, colon, strength: match.index === 0 ? 2 + clear : clear };
}

function valuesOf(
  hit: Hit,
  lines: readonly Line[],
  position: LabelRule['position'],
  { isLabel, cutAtLabel }: LabelTests,
): string[] {
  const inline = cutAtLabel(hit.rest);
  if (hit.rest !== '' && position !== 'below') return inline === '' ? [] : [inline];
  const beside = segmentBeside(hit, lines);
  const below = segmentBelow(hit, lines);
  const order =
    position === undefined ? preferred(hit, lines, beside, below) : [position === 'below' ? below : beside];
  return order
    .filter((text) => text !== undefined && !isLabel(text) && !/:$/u.test(text))
    .map((text) => cutAtLabel(String(text)));
}

function preferred(hit: Hit, lines: readonly Line[], beside: string | undefined, below: string | undefined) {
  const line = lines[hit.line];
  const next = lines[hit.line + 1];
  const headings = looksLikeHeader(line, next) || looksLikeCells(line, next, beside, below);
  return headings && !hit.colon ? [below, beside] : [beside, below];
}

/** Two words side by side over two texts, of which the one under the label has a digit: both words are labels. */
function looksLikeCells(line: Line | undefined, next: Line | undefined, beside = '', below = ''): boolean {
  const even = line !== undefined && line.segments.length === next?.segments.length;
  return even && beside !== '' && !/\d/u.test(beside) && /\d/u.test(below);
}

/** Three or more pieces without a digit or a colon, above as many with a digit somewhere: headings over values. */
function looksLikeHeader(line: Line | undefined, next: Line | undefined): boolean {
  if (line === undefined || next === undefined || line.segments.length < 3) return false;
  const words = line.segments.every(({ text }) => !/\d|:$/u.test(text));
  return (
    words &&
    Math.abs(next.segments.length - line.segments.length) <= 1 &&
    next.segments.some(({ text }) => /\d/u.test(text))
  );
}

function segmentBeside({ line, segment }: Hit, lines: readonly Line[]): string | undefined {
  return lines[line]?.segments.find(({ left }) => left >= segment.right)?.text;
}

/** The nearest text under the label, at most three line heights away and on the same page. */
function segmentBelow({ line, segment }: Hit, lines: readonly Line[]): string | undefined {
  const from = lines[line];
  if (from === undefined) return undefined;
  for (const next of lines.slice(line + 1, line + 1 + REACH)) {
    if (next.page !== from.page || next.top - from.top > REACH * Math.max(next.height, from.height))
      return undefined;
    const under = next.segments.find(({ left, right }) => left < segment.right && right > segment.left);
    if (under !== undefined) return under.text;
  }
  return undefined;
}

/** What all fields of a workflow need to know about the labels of all others. */
export interface LabelTests {
  readonly isLabel: IsLabel;
  /** Ends a value where the next label with its colon begins, as in "Invoice No: 17 Date: 1 March 2026". */
  readonly cutAtLabel: (text: string) => string;
}

/** Prepares the questions that all label rules of a workflow share. */
export function compileLabelTests(labels: readonly string[]): LabelTests {
  const patterns = labels.map(wordPattern);
  const isLabel = (text: string) =>
    patterns.some((pattern) => {
      const match = pattern.exec(text);
      if (match?.index !== 0) return false;
      const behind = text.slice(match[0].length);
      return behind.trim() === '' || /[:=]/u.test(SEPARATOR.exec(behind)?.[0] ?? '');
    });
  const cutAtLabel = (text: string) => {
    const starts = patterns.flatMap((pattern) => {
      const match = pattern.exec(text);
      return match !== null && /^\s*[:=]/u.test(text.slice(match.index + match[0].length))
        ? [match.index]
        : [];
    });
    return text.slice(0, Math.min(text.length, ...starts)).trim();
  };
  return { isLabel, cutAtLabel };
}
