import type { z } from 'zod';
import { patternWeight } from './pattern.ts';
import { hasExpressions } from './references.ts';
import type { stepsSchema } from './steps.ts';

/** On a text of 16 KB rules of this weight together take some hundred milliseconds at the very worst, in practice one. */
const LIGHT = 2500;
/** Looking for one label or heading in each piece of such a text costs as much as a pattern of this weight. */
const LABEL_WEIGHT = 8;
/** Each place of a label is held against all labels; only one that stands in several rules has many more places. */
const REPEATED_LABEL_WEIGHT = 2;

interface Definition {
  readonly steps: z.infer<typeof stepsSchema>;
  readonly output_schema?: Record<string, unknown> | undefined;
}

/**
 * True when work on even a small text may take long: the definition has something whose running time nobody knows
 * beforehand (expressions, paths that search, schemas that refer to themselves), or heavy patterns, or very many
 * labels. Such work needs a thread that can be stopped.
 */
export function mayRunLong({ steps, output_schema }: Definition): boolean {
  const expressions = steps.some(({ extract }) => extract !== undefined && hasExpressions(extract));
  if (expressions || stringsUnder(['json_path'], steps).some(mayMultiply) || !isPlain(output_schema))
    return true;
  const patterns = stringsUnder(['regex', 'pattern'], [steps, output_schema]);
  const weight = patterns.reduce((sum, pattern) => sum + patternWeight(pattern), 0);
  return (
    weight + labelsWeight(stringsUnder(['label', 'column', 'columns', 'heading', 'blocks'], steps)) > LIGHT
  );
}

/** What takes a value several times (`..`, lists of selectors) or runs a pattern of its own (`?`). */
function mayMultiply(path: string): boolean {
  return /\.\.|[?,]/u.test(path);
}

/** Keywords with which a small schema makes much work: applied again and again, quadratic, or with patterns of their own. */
const HARD_KEYWORDS = new Set([
  '$ref',
  '$dynamicRef',
  '$recursiveRef',
  'uniqueItems',
  'patternProperties',
  'format',
]);

/** False when holding a small output against the schema may take long. */
function isPlain(schema: unknown): boolean {
  if (typeof schema !== 'object' || schema === null) return true;
  return Object.entries(schema).every(
    ([key, part]) => (!HARD_KEYWORDS.has(key) || (key === 'format' && part === 'date')) && isPlain(part),
  );
}

function labelsWeight(labels: readonly string[]): number {
  const distinct = new Set(
    labels.map((label) =>
      label
        .toLowerCase()
        .replaceAll(/[\s_:-]+/gu, ' ')
        .trim(),
    ),
  );
  const repeated = labels.length - distinct.size;
  return labels.length * (LABEL_WEIGHT + repeated * REPEATED_LABEL_WEIGHT);
}

/** The texts that stand under one of these keys, directly, in a list or in a record, wherever that is. */
function stringsUnder(keys: readonly string[], value: unknown, wanted = false): string[] {
  if (typeof value === 'string') return wanted ? [value] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) =>
    stringsUnder(keys, part, wanted || keys.includes(key)),
  );
}
