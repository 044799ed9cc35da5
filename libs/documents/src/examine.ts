import type { WorkflowField } from '@longshore/contracts';
import type { ReadDocument } from './document.ts';
import type { Extraction, Tried } from './extract-fields.ts';
import { evidenceOf, type FieldEvidence, originalText } from './rules/evidence.ts';
import type { TriedSource } from './rules/field.ts';
import type { Find } from './rules/found.ts';
import type { Place } from './rules/place.ts';
import { totalScore, type ScoreParts } from './rules/score.ts';
import { convertFind } from './rules/source.ts';
import { placeInWords, whyMissing } from './rules/why.ts';
import { localeHabits } from './values/locale-habits.ts';
import type { ValueSpelling } from './values/convert.ts';

/** What else was found is told up to this many. */
const MOST_OTHERS = 5;
const MOST_WEIGHED = 50;

/** What was found, and where each value comes from. */
export interface Examination extends Extraction {
  /** By field, for those that have a value. */
  readonly fields: Readonly<Record<string, FieldEvidence>>;
}

/** A place that was found and not taken. */
export interface OtherCandidate extends Partial<Place> {
  readonly text: string;
  readonly label?: string;
  readonly score?: number;
  /** Its place in words. */
  readonly where?: string;
  /** Why it is no value; absent for one that only fits less well. */
  readonly complaint?: string;
}

/** All that is known of how one field came to its value, or why it has none. */
export interface FieldExplanation {
  readonly type: WorkflowField['type'];
  readonly required: boolean;
  readonly value?: unknown;
  readonly evidence?: FieldEvidence;
  /** Its place in words; of a list or a table that of the first. */
  readonly where?: string;
  /** What the score is made of; `type` is how well the text fits the type. */
  readonly scoreParts?: ScoreParts;
  readonly others: readonly OtherCandidate[];
  /** Why there is no value, in sentences. */
  readonly why?: string;
}

/** A result that was looked into. */
export interface Explanation extends Extraction {
  readonly fields: Readonly<Record<string, FieldExplanation>>;
}

type Fields = Readonly<Record<string, WorkflowField>>;

/** The evidence for each value of an output. */
export function evidenceFor(output: Extraction['output'], tried: Tried): Examination['fields'] {
  const known = Object.keys(output).flatMap((name): [string, FieldEvidence][] => {
    const [source] = tried.get(name) ?? [];
    return source === undefined ? [] : [[name, evidenceOf(source)]];
  });
  return Object.fromEntries(known);
}

/** How each field came to its value, or why it has none. */
export function explanationFor(
  { fields, locale }: { readonly fields: Fields; readonly locale?: string | undefined },
  output: Extraction['output'],
  { tried, document }: { readonly tried: Tried; readonly document: ReadDocument },
): Explanation['fields'] {
  const explained = Object.entries(fields).map(([name, field]): [string, FieldExplanation] => {
    const sources = tried.get(name) ?? [];
    const base = { type: field.type, required: field.required === true };
    if (!(name in output)) {
      const others = othersOf(field, sources, locale);
      return [name, { ...base, others, why: whyMissing(field, sources, document) }];
    }
    const [source] = sources;
    const evidence = source && evidenceOf(source);
    const where = evidence && placeInWords(evidence.items?.[0] ?? evidence.rows?.[0] ?? evidence);
    const parts = source?.result.used?.[0]?.label?.score;
    return [
      name,
      {
        ...base,
        value: output[name],
        others: othersOf(field, sources, locale),
        ...(evidence !== undefined && { evidence }),
        ...(where !== undefined && { where }),
        ...(parts !== undefined && field.type !== 'list' && { scoreParts: parts }),
      },
    ];
  });
  return Object.fromEntries(explained);
}

/** What else stands at the label, best first; a list and a table have no single place. */
function othersOf(
  field: WorkflowField,
  sources: readonly TriedSource[],
  locale: string | undefined,
): OtherCandidate[] {
  if (field.type === 'table' || field.type === 'list') return [];
  const spelling: ValueSpelling = { ...field, type: field.type, habits: localeHabits(locale) };
  return sources
    .flatMap(({ result: { found = [], used = [] } }) => found.filter((find) => !used.includes(find)))
    .slice(0, MOST_WEIGHED)
    .map((find) => otherOf(find, spelling))
    .sort((one, other) => Number(one.complaint !== undefined) - Number(other.complaint !== undefined))
    .slice(0, MOST_OTHERS);
}

function otherOf(find: Find, spelling: ValueSpelling): OtherCandidate {
  const converted = convertFind(find, spelling);
  const fits = 'value' in converted;
  const place = find.place?.();
  const where = place && placeInWords(place);
  return {
    text: originalText(find),
    ...(find.label !== undefined && {
      label: find.label.words,
      score: totalScore(find.label.score, fits ? 1 : 0),
    }),
    ...place,
    ...(where !== undefined && { where }),
    ...(!fits && { complaint: converted.complaint }),
  };
}
