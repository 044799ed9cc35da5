import { z } from 'zod';
import { jsonSchema } from './json.ts';
import { bytesOf, LONGEST_PATH_BYTES, pipelineDestinationSchema, pipelineSourceSchema } from './pipeline.ts';
import { runStateSchema } from './states.ts';

/** Why a file of a source was not processed, although nothing is wrong with it. */
export const SKIP_REASONS = ['unchanged', 'active elsewhere', 'failed 3 times'] as const;
const skipReasonSchema = z.enum(SKIP_REASONS);
export type SkipReason = z.infer<typeof skipReasonSchema>;

const path = z
  .string()
  .min(1)
  .refine((text) => bytesOf(text) <= LONGEST_PATH_BYTES, `at most ${LONGEST_PATH_BYTES} bytes`);
const ordinal = z.int().min(0);
/** Tells one state of a file in its source from every other, without its bytes. */
const mark = z.string().min(1).max(200);

/** What the planning run of a pipeline's execution is given. */
export const planPipelineInputSchema = z.object({
  pipeline_id: z.string(),
  source: pipelineSourceSchema,
  destination: pipelineDestinationSchema,
  max_parallel_files: z.int().min(1),
  /** Processes files again that were delivered or failed unchanged. */
  force: z.boolean(),
});
export type PlanPipelineInput = z.infer<typeof planPipelineInputSchema>;

/** A file that was not processed, as the execution tells of it. */
export const skippedFileSchema = z.object({
  file: z.string(),
  reason: skipReasonSchema,
  sha256: z.string(),
});
export type SkippedFile = z.infer<typeof skippedFileSchema>;

/** So many skipped files are told one by one; all are counted. */
export const MOST_SKIPPED_TOLD = 1000;

export const skippedCountsSchema = z.object({
  unchanged: z.int(),
  active_elsewhere: z.int(),
  failed_3_times: z.int(),
});
export type SkippedCounts = z.infer<typeof skippedCountsSchema>;

/** What planning found out beside the files that are processed; the finishing run is given it. */
export const finishPipelineInputSchema = z.object({
  pipeline_id: z.string(),
  destination: pipelineDestinationSchema,
  /** Files in the source. */
  found: z.int().min(0),
  skipped: skippedCountsSchema,
  skipped_files: z.array(skippedFileSchema).max(MOST_SKIPPED_TOLD),
});
export type FinishPipelineInput = z.infer<typeof finishPipelineInputSchema>;

/** The output of a pipeline's execution: `found` is the sum of all that became of its files. */
export const pipelineSummarySchema = z.object({
  found: z.int(),
  succeeded: z.int(),
  failed: z.int(),
  skipped: skippedCountsSchema,
  skipped_files: z.array(skippedFileSchema),
  /** Those that were read but could not be written, with the reason. They count as failed. */
  undelivered: z.array(z.object({ file: z.string(), reason: z.string() })),
});
export type PipelineSummary = z.infer<typeof pipelineSummarySchema>;

/** Which file of the source the bytes of the body are. */
export const takeFileQuerySchema = z.object({
  path,
  ordinal: z.coerce.number<string | number>().int().min(0),
  mark: mark.optional(),
});

/** Files as they stand in a source, with what tells one state of each from another. */
export const knownFilesRequestSchema = z.object({
  files: z.array(z.object({ path, mark })).max(500),
});
export type KnownFilesRequest = z.infer<typeof knownFilesRequestSchema>;

/** Those that need not be read: what was decided about what they held is not changed by reading it again. */
export const knownFilesSchema = z.object({
  known: z.array(z.object({ path: z.string(), reason: skipReasonSchema, sha256: z.string() })),
});
export type KnownFile = z.infer<typeof knownFilesSchema>['known'][number];

/** `skipped` null: the file is stored, and is this execution's until it ends. */
export const takenFileSchema = z.object({
  file_id: z.uuid(),
  size: z.int(),
  sha256: z.string(),
  skipped: skipReasonSchema.nullable(),
});
export type TakenFile = z.infer<typeof takenFileSchema>;

/** Files whose bytes could not be had. `complete`: the listing is; what an earlier attempt took and this one did not is let go. */
export const listedFilesRequestSchema = z.object({
  unread: z.array(z.object({ path, ordinal, reason: z.string().max(1000) })).max(500),
  complete: z.boolean(),
});
export type ListedFilesRequest = z.infer<typeof listedFilesRequestSchema>;

export const pipelineFilesQuerySchema = z.object({
  after: z.coerce.number<string | number>().int().min(-1).default(-1),
});

/** The next files of an execution, in their order; none: that was all. `held`: nobody said yet what became of it. */
export const pipelineFilesSchema = z.object({
  files: z.array(
    z.object({
      file_id: z.uuid(),
      ordinal,
      path: z.string(),
      size: z.int(),
      sha256: z.string(),
      held: z.boolean(),
      /** Null: it was never processed. */
      state: runStateSchema.nullable(),
      error: z.string().nullable(),
    }),
  ),
});
export type PipelineFile = z.infer<typeof pipelineFilesSchema>['files'][number];

/** What was found in one file, with the fields in the order of the workflow. */
export const pipelineResultSchema = z.object({
  output: jsonSchema,
  problems: jsonSchema,
  document: jsonSchema,
});
export type PipelineResult = z.infer<typeof pipelineResultSchema>;

/** What became of files: they are nobody's from then on. */
export const settleFilesRequestSchema = z.object({
  delivered: z.array(z.uuid()).max(500),
  failed: z.array(z.uuid()).max(500),
});
export type SettleFilesRequest = z.infer<typeof settleFilesRequestSchema>;

/** The form or the JSON object that starts a run, for its description; the server is more lenient. */
export const runPipelineFormSchema = z.object({
  force: z
    .enum(['true', 'false'])
    .optional()
    .describe('Processes files too that were delivered or failed unchanged. Default: false.'),
  timeout: z
    .string()
    .regex(/^(-1|\d|[1-9]\d|[12]\d\d|300)$/)
    .optional()
    .describe('Wait for the result up to this many seconds, -1 to 300; -1 and 0 answer at once.'),
  tags: z
    .string()
    .max(50)
    .optional()
    .describe('At most one tag: a letter, then letters, digits, "_" or "-".'),
  custom_data: z.string().optional().describe('A JSON object, handed to the workflow.'),
});
