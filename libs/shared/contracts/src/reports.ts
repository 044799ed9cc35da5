import { z } from 'zod';
import { jsonSchema } from './json.ts';
import { NAME_PATTERN } from './queues.ts';
import { runStateSchema } from './states.ts';

/** Outputs above this size go to the file store first and the report carries a reference. */
export const MAX_INLINE_OUTPUT_BYTES = 64 * 1024;
/** A batch of reports holds at most this many items, and at most {@link MAX_BATCH_BYTES}. */
export const MAX_BATCH_ITEMS = 500;
export const MAX_BATCH_BYTES = 1024 * 1024;
/** A fan-out creates at most this many children. */
export const MAX_CHILDREN = 10_000;

export const runErrorSchema = z.object({
  code: z.string().min(1).max(100),
  message: z.string().max(10_000),
  /** Stack or cause, for people. */
  detail: z.string().max(20_000).nullable(),
});
export type RunError = z.infer<typeof runErrorSchema>;

export const outputSchema = z.union([
  z.object({ inline: jsonSchema }),
  z.object({ ref: z.string().max(300), size: z.int() }),
]);
export type Output = z.infer<typeof outputSchema>;

export const childSpecSchema = z.object({
  /** Unique under its parent: a fan-out that is repeated makes no second child. */
  key: z.string().min(1).max(300),
  task: z.string().regex(NAME_PATTERN),
  /** Default: the queue that the task registered. */
  queue: z.string().regex(NAME_PATTERN).optional(),
  input: jsonSchema,
  file_id: z.uuid().optional(),
});
export type ChildSpec = z.infer<typeof childSpecSchema>;

export const continuationSpecSchema = childSpecSchema.omit({ key: true, file_id: true });
export type ContinuationSpec = z.infer<typeof continuationSpecSchema>;

const reported = { run_id: z.uuid(), epoch: z.int().min(1), token: z.string() };

/** How an attempt ended. Exactly one report per attempt takes effect; an older epoch is refused. */
export const reportSchema = z.discriminatedUnion('outcome', [
  z.object({
    ...reported,
    outcome: z.literal('succeeded'),
    output: outputSchema,
    duration_ms: z.number().min(0),
  }),
  z.object({
    ...reported,
    outcome: z.literal('failed'),
    error: runErrorSchema,
    output: outputSchema.nullable(),
    /** Null: not to be tried again. Else tried again after this time, while the retry policy has attempts left. */
    retry_after_ms: z.number().min(0).max(86_400_000).nullable(),
    duration_ms: z.number().min(0),
  }),
  /** Given back untouched (shutdown): counts no attempt. */
  z.object({ ...reported, outcome: z.literal('released') }),
  z.object({
    ...reported,
    outcome: z.literal('fanned_out'),
    children: z.array(childSpecSchema).max(MAX_CHILDREN),
    then: continuationSpecSchema,
    /** At most this many children at a time; null = all at once. */
    max_parallel: z.int().min(1).nullable(),
    duration_ms: z.number().min(0),
  }),
]);
export type Report = z.infer<typeof reportSchema>;

export const reportRequestSchema = z.object({
  session_id: z.uuid(),
  reports: z.array(reportSchema).min(1).max(MAX_BATCH_ITEMS),
});
export type ReportRequest = z.infer<typeof reportRequestSchema>;

/**
 * `accepted`: it took effect (now, or when the same report came before). `superseded`: another epoch owns the run or it has ended.
 * `rejected`: the backend could not store this report; the run was failed with `reason`.
 */
export const reportAnswerSchema = z.object({
  run_id: z.uuid(),
  answer: z.enum(['accepted', 'superseded', 'rejected']),
  reason: z.string().nullable(),
});
export type ReportAnswer = z.infer<typeof reportAnswerSchema>;
export const reportResponseSchema = z.object({ answers: z.array(reportAnswerSchema) });
export type ReportResponse = z.infer<typeof reportResponseSchema>;

export const progressRequestSchema = z.object({
  items: z
    .array(
      z.object({
        token: z.string(),
        percentage: z.number().min(0).max(100).nullable(),
        message: z.string().max(1000).nullable(),
        data: jsonSchema.nullable(),
      }),
    )
    .min(1)
    .max(MAX_BATCH_ITEMS),
});
export type ProgressRequest = z.infer<typeof progressRequestSchema>;

export const logLinesRequestSchema = z.object({
  items: z
    .array(
      z.object({
        token: z.string(),
        level: z.enum(['debug', 'info', 'warn', 'error']),
        message: z.string().max(10_000),
        fields: jsonSchema.nullable(),
      }),
    )
    .min(1)
    .max(MAX_BATCH_ITEMS),
});
export type LogLinesRequest = z.infer<typeof logLinesRequestSchema>;

export const childResultsSchema = z.object({
  children: z.array(
    z.object({
      run_id: z.uuid(),
      key: z.string(),
      ordinal: z.int(),
      state: runStateSchema,
      error: runErrorSchema.nullable(),
      output: outputSchema.nullable(),
    }),
  ),
});
export type ChildResults = z.infer<typeof childResultsSchema>;
