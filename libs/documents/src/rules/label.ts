import type { FormField, Line, ReadDocument } from '../document.ts';
import type { Find } from './found.ts';
import { findHits, type Hit } from './label-hits.ts';
import type { LabelTests } from './label-tests.ts';
import { directionOf } from './label-direction.ts';
import { box, hasLines, placeOf, placeOfPieces } from './place.ts';
import { closeness, LEAST_CLOSENESS, placeScore, type ScoreParts } from './score.ts';
import { type ValueLine, valueLines } from './value-lines.ts';
import { type Wording, wordPattern, wordings } from './wording.ts';

export interface LabelRule {
  readonly label: Wording;
  readonly position?: 'beside' | 'below' | undefined;
  /** `many`: the value goes on in the lines below its first. Default `one`. */
  readonly lines?: 'one' | 'many' | undefined;
}

/** In line heights. */
const REACH = 3;
/** In line heights: a value further beside its label counts no less than this. */
const FAR = 60;
const STRENGTHS = [0.2, 0.4, 0.7, 1] as const;
/** A line to write on. */
const BLANK = /^[_.…\s]{3,}$/u;
/** A currency that stands apart from its amount. */
const ONLY_CURRENCY = /^(?:\p{Sc}|[A-Z]{3}|[A-Z]{0,2}\$)$/u;

/** A find that has its place in the order: labels at the front before those inside of sentences, then label by label. */
interface Ranked {
  readonly inside: boolean;
  readonly label: number;
  readonly score: number;
  readonly find: Find;
}

interface Candidate extends ValueLine {
  readonly kind: 'behind' | 'beside' | 'below';
  /** What stands there, before it was cut at another label. */
  readonly whole: string;
  readonly direction: number;
  readonly distance: number;
}

/** Prepares a label rule. It finds the labels in their order, each with its clearest places first. */
export function compileLabel(rule: LabelRule, tests: LabelTests): (document: ReadDocument) => Find[] {
  const patterns = wordings(rule.label).map(wordPattern);
  return (document) => {
    const ranked = patterns.flatMap((pattern, label): Ranked[] => [
      ...fieldFinds(document.fields ?? [], pattern).map((found) => ({ ...found, label })),
      ...findHits(document.lines, pattern).flatMap((hit) =>
        candidates(hit, document.lines, rule.position, tests).map((one) => {
          const many = rule.lines === 'many' && hasLines(document);
          const whole = many ? linesOf(document.lines, hit, one, tests) : [one];
          return { ...toFind(document, hit, one, whole), label };
        }),
      ),
    ]);
    // Sorting keeps the order of the document among equals.
    return ranked.sort(byRank).map(({ find }) => find);
  };
}

function byRank(one: Ranked, other: Ranked): number {
  return Number(one.inside) - Number(other.inside) || one.label - other.label || other.score - one.score;
}

function toFind(
  document: ReadDocument,
  { words, strength, line }: Hit,
  { direction, distance }: Candidate,
  value: readonly ValueLine[],
): Omit<Ranked, 'label'> {
  const heading = directionOf(document.lines, line).isTable ? 0.5 : 1;
  const score: ScoreParts = { label: (STRENGTHS[strength] ?? 0) * heading, direction, distance };
  const lines = value.map((one) => ({ value: one.text, place: () => placeOf(document, one) }));
  const find: Find = {
    value: value.map(({ text }) => text).join('\n'),
    place: () => placeOfPieces(document, value),
    ...(lines.length > 1 && { lines }),
    label: { words, score },
  };
  return { inside: strength < 2, score: placeScore(score), find };
}

/** All lines of a value that begins there. */
function linesOf(
  lines: readonly Line[],
  label: Hit,
  { kind: where, whole, ...first }: Candidate,
  tests: LabelTests,
): readonly ValueLine[] {
  return valueLines(lines, { first, whole, label, where }, tests);
}

/** Values of a form whose field is called like the label. */
function fieldFinds(fields: readonly FormField[], pattern: RegExp): Omit<Ranked, 'label'>[] {
  return fields.flatMap(({ names, value, page, ...corner }) => {
    const matches = names.map((name) => ({ name, match: pattern.exec(name) }));
    const best =
      matches.find(({ name, match }) => match?.[0].length === name.length) ??
      matches.find(({ match }) => match?.index === 0);
    if (best === undefined || value.trim() === '') return [];
    const whole = best.match?.[0].length === best.name.length;
    const score: ScoreParts = { label: STRENGTHS[whole ? 3 : 2], direction: 1, distance: 1 };
    const find: Find = { value, place: () => box(page, corner), label: { words: best.name, score } };
    return [{ inside: false, score: placeScore(score), find }];
  });
}

function candidates(
  hit: Hit,
  lines: readonly Line[],
  position: LabelRule['position'],
  { isLabel, cutAtLabel }: LabelTests,
): Candidate[] {
  const found: Candidate[] = [];
  if (hit.rest !== '' && position !== 'below') {
    const text = BLANK.test(hit.rest) ? '' : cutAtLabel(hit.rest);
    // In "VAT 20 %   48.00" the rate is the last that is meant by the label.
    const isRate = hit.restQualifies && text.includes('%');
    const nearness = isRate ? { direction: 0.5, distance: LEAST_CLOSENESS } : { direction: 1, distance: 1 };
    const inline = {
      line: hit.line,
      segment: hit.segment,
      from: hit.restAt,
      kind: 'behind',
      whole: hit.rest,
    } as const;
    if (text !== '') found.push({ ...inline, ...nearness, text });
    if (!hit.restQualifies) return found;
  }
  const around = [
    ...(position === 'below' ? [] : beside(hit, lines)),
    ...(position === 'beside' || (hit.restQualifies && position === undefined) ? [] : below(hit, lines)),
  ];
  const values = around.filter(({ text }) => !isLabel(text) && !/[:：]$/u.test(text) && !BLANK.test(text));
  const expected = directionOf(lines, hit.line, hit, values);
  for (const value of values) {
    const direction = position !== undefined || value.kind === expected.direction ? 1 : 0.5;
    const text = cutAtLabel(value.text);
    if (text !== '') found.push({ ...value, text, whole: value.text, direction });
  }
  return found;
}

type Around = Omit<Candidate, 'direction' | 'whole'> & { readonly kind: 'beside' | 'below' };

/** The text to the right; a currency that stands alone belongs to what follows it. */
function beside({ line, segment }: Hit, lines: readonly Line[]): Around[] {
  const { segments = [], height = 1 } = lines[line] ?? {};
  const at = segments.findIndex(({ left }) => left >= segment.right);
  const first = segments[at];
  if (first === undefined) return [];
  const next = segments[at + 1];
  const joined = ONLY_CURRENCY.test(first.text) && next !== undefined && /^[\d(+-]/u.test(next.text);
  const value = joined ? { ...first, text: `${first.text} ${next.text}`, right: next.right } : first;
  const gap = (value.left - segment.right) / (height || 1);
  const distance = closeness(1 - gap / FAR);
  return [{ kind: 'beside', text: value.text, line, segment: value, distance }];
}

/** The nearest text under the label, at most three line heights away and on the same page. */
function below({ line, segment }: Hit, lines: readonly Line[]): Around[] {
  const from = lines[line];
  if (from === undefined) return [];
  for (let at = line + 1; at <= line + REACH; at += 1) {
    const next = lines[at];
    if (next === undefined || next.page !== from.page) return [];
    const away = (next.top - from.top) / Math.max(next.height, from.height);
    if (away > REACH) return [];
    const under = next.segments.find(({ left, right }) => left < segment.right && right > segment.left);
    const distance = closeness(1.15 - away / 5);
    if (under !== undefined) return [{ kind: 'below', text: under.text, line: at, segment: under, distance }];
  }
  return [];
}
