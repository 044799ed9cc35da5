import { z } from 'zod';
import type { JsonValue } from './json.ts';

/** A field of the input, by its path: `input.customer_id`, `input.account.region`. */
const INPUT_PATH = /^input(?:\.[A-Za-z_][A-Za-z0-9_-]*){1,8}$/;

/**
 * What a limit counts together: all runs of the task, those of one organisation, or those of one organisation with the same value in a
 * field of the input. Runs without the field count together, too.
 */
export const limitPerSchema = z
  .string()
  .refine((per) => ['task', 'organisation'].includes(per) || INPUT_PATH.test(per), {
    error: 'must be "task", "organisation" or a field of the input, as in "input.customer_id"',
  });

/** A rate looks back over at most this: a day. */
const LONGEST_RATE_MS = 86_400_000;
/** Claims are remembered one by one for as long as a rate looks back: a bound on what is remembered for one key. */
const MOST_RUNS_OF_RATE = 10_000;

/** At most so many runs at once. */
export const concurrencySchema = z.int().min(1).max(10_000);
/** At most `runs` starts in any `per_ms` milliseconds; they may come all at once. */
export const rateRunsSchema = z.int().min(1).max(MOST_RUNS_OF_RATE);
export const ratePerMsSchema = z.int().min(10).max(LONGEST_RATE_MS);

/** One limit of a task, as workers tell it. */
export const taskLimitSchema = z
  .strictObject({
    per: limitPerSchema,
    concurrency: concurrencySchema.optional(),
    rate: z.strictObject({ runs: rateRunsSchema, per_ms: ratePerMsSchema }).optional(),
  })
  .refine(({ concurrency, rate }) => concurrency !== undefined || rate !== undefined, {
    error: 'limits nothing: give it a concurrency, a rate, or both',
  });
export type TaskLimit = z.infer<typeof taskLimitSchema>;

const MOST_LIMITS = 8;

/** The limits of a task; all of them hold. */
export const taskLimitsSchema = z
  .array(taskLimitSchema)
  .max(MOST_LIMITS)
  .superRefine((limits, context) => {
    limits.forEach(({ per, concurrency }, index) => {
      const isSecond = limits.slice(0, index).some((one) => one.per === per && one.concurrency !== undefined);
      if (concurrency === undefined || !isSecond) return;
      context.addIssue({
        code: 'custom',
        path: [index, 'concurrency'],
        message: `is a second concurrency per ${per}`,
      });
    });
  });

/** The field of a limit, as the names on the way to it; null when it is of no field. */
export function limitPath(per: string): string[] | null {
  return per.startsWith('input.') ? per.split('.').slice(1) : null;
}

/** The limits that name a field which the input, by its JSON Schema, does not have: all runs would count together. */
export function limitsOfUnknownFields(
  limits: readonly Pick<TaskLimit, 'per'>[],
  inputSchema: { readonly [key: string]: JsonValue },
): string[] {
  return limits.map(({ per }) => per).filter((per) => !mayHave(inputSchema, limitPath(per) ?? []));
}

/** Only what says that it is an object with these fields, and nothing of others, can be held to it. */
function mayHave(schema: JsonValue | undefined, [name, ...rest]: readonly string[]): boolean {
  if (name === undefined || !isObject(schema) || schema['type'] !== 'object') return true;
  const { properties, additionalProperties } = schema;
  if (!isObject(properties)) return true;
  if (Object.hasOwn(properties, name)) return mayHave(properties[name], rest);
  return additionalProperties !== undefined && additionalProperties !== false;
}

function isObject(value: JsonValue | undefined): value is { [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
