import { cleanJson, cleanText } from '../values/clean.ts';
import type { TriedSource } from './field.ts';
import type { Find } from './found.ts';
import type { Place } from './place.ts';
import { totalScore } from './score.ts';
import { type RuleName, ruleOf } from './rule-name.ts';
import { withoutRemark } from './qualifier.ts';

/** A text is kept up to this length, and places of so many items or rows. */
const LONGEST_TEXT = 200;
const MOST_PLACES = 100;

/** Where a value comes from. Its keys are those of the metadata of a result. */
export interface FieldEvidence extends Partial<Place> {
  readonly rule: RuleName;
  /** The label or the name of the form's field, as it stands in the document. */
  readonly label?: string;
  /** What stands in the document, before it was converted; the first 200 characters. */
  readonly text?: string;
  /** How well the place fits its label, from 0 to 1. */
  readonly score?: number;
  /** The items of a list, the first 100. */
  readonly items?: readonly TextEvidence[];
  /** Where the rows of a table stand, the first 100; an empty object for one whose place is not known. */
  readonly rows?: readonly Partial<Place>[];
}

/** A text, and where it stands. */
export interface TextEvidence extends Partial<Place> {
  readonly text: string;
}

/** Where a value comes from that was found by a source; constants and what was computed name only their rule. */
export function evidenceOf({ source, result }: TriedSource): FieldEvidence {
  const rule = ruleOf(source);
  const { used = [], rows, value } = result;
  if (rule === 'value' || rule === 'compute') return { rule };
  if (rows !== undefined)
    return { rule, rows: rows.slice(0, MOST_PLACES).map((place) => placed({ value: undefined, place })) };
  if (Array.isArray(value)) {
    return {
      rule,
      items: used.slice(0, MOST_PLACES).map((find) => ({ text: originalText(find), ...placed(find) })),
    };
  }
  const [find] = used;
  return find === undefined ? { rule } : { rule, ...findEvidence(find, typeof value !== 'string') };
}

/** @param typed whether the value is of a type of its own, so that a remark may have been left out */
function findEvidence(find: Find, typed: boolean) {
  const text = originalText(find);
  const { label } = find;
  if (label === undefined) return { text, ...placed(find) };
  const type = typed && withoutRemark(text) !== undefined ? 0.5 : 1;
  return { label: shortened(label.words), text, score: totalScore(label.score, type), ...placed(find) };
}

function placed({ place }: Find): Partial<Place> {
  const found = place?.();
  return found === undefined ? {} : (cleanJson(found) as Place);
}

/** What was found as it stands in the document. */
export function originalText({ value }: Find): string {
  return shortened(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
}

function shortened(text: string): string {
  const clean = cleanText(text).trim();
  return clean.length <= LONGEST_TEXT ? clean : `${clean.slice(0, LONGEST_TEXT).toWellFormed()}…`;
}
