import type { z } from 'zod';
import { patternWeight } from './pattern.ts';
import { hasExpressions } from './references.ts';
import type { stepsSchema } from './steps.ts';

/** On a text of 16 KB patterns of this weight together take some hundred milliseconds at the very worst, in practice one. */
const LIGHT = 2500;

/**
 * True when work on even a small text may take long: the definition has expressions, whose running time nobody knows
 * beforehand, or heavy patterns. Such work needs a thread that can be stopped.
 */
export function mayRunLong(definition: {
  readonly steps: z.infer<typeof stepsSchema>;
  readonly output_schema?: Record<string, unknown> | undefined;
}): boolean {
  const expressions = definition.steps.some(
    ({ extract }) => extract !== undefined && hasExpressions(extract),
  );
  return (
    expressions || patternsIn(definition).reduce((sum, pattern) => sum + patternWeight(pattern), 0) > LIGHT
  );
}

/** What stands under `regex` or `pattern`, wherever that is. */
function patternsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) =>
    (key === 'regex' || key === 'pattern') && typeof part === 'string' ? [part] : patternsIn(part),
  );
}
