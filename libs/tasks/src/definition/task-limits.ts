import {
  concurrencySchema,
  limitPerSchema,
  limitsOfUnknownFields,
  ratePerMsSchema,
  rateRunsSchema,
  taskLimitsSchema,
  type TaskDescriptor,
  type TaskLimit,
} from '@longshore/contracts';
import { z } from 'zod';

/** A limit on the runs of a task, over all queues, workers and backends. */
export interface Limit {
  /**
   * What is counted together: `task` (default), `organisation`, or a field of the input as in `input.customer_id`: the runs of one
   * organisation with the same value there. Runs without the field count together.
   */
  readonly per?: 'task' | 'organisation' | `input.${string}`;
  /** The most runs at once. */
  readonly concurrency?: number;
  /** The most starts in any `perMs` milliseconds, 10 ms to a day; they may come all at once. Retries are starts. */
  readonly rate?: { readonly runs: number; readonly perMs: number };
}

/** Strict: a misspelt key would otherwise be a limit that nobody keeps. */
const limitSchema = z.strictObject({
  per: limitPerSchema.default('task'),
  concurrency: concurrencySchema.optional(),
  rate: z.strictObject({ runs: rateRunsSchema, perMs: ratePerMsSchema }).optional(),
});

export const limitsSchema = z.array(limitSchema).superRefine((limits, context) => {
  const { error } = taskLimitsSchema.safeParse(describedLimits(limits));
  for (const { path, message } of error?.issues ?? [])
    context.addIssue({ code: 'custom', path: [...path], message });
});

/** As a descriptor calls them. */
export function describedLimits(limits: readonly z.output<typeof limitSchema>[]): TaskLimit[] {
  return limits.map(({ per, concurrency, rate }) => ({
    per,
    ...(concurrency !== undefined && { concurrency }),
    ...(rate !== undefined && { rate: { runs: rate.runs, per_ms: rate.perMs } }),
  }));
}

/** What is wrong with limits per field that the input does not have. */
export function unknownFieldProblems({
  limits = [],
  input_schema,
}: Pick<TaskDescriptor, 'limits' | 'input_schema'>): string[] {
  return [...new Set(limitsOfUnknownFields(limits, input_schema))].map(
    (unknown) => `limits: its input has no field "${unknown.slice('input.'.length)}"`,
  );
}
