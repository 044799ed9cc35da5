import { z } from 'zod';
import { fileResultSchema } from './deployment-api.ts';
import { moment } from './moment.ts';
import { skippedCountsSchema } from './pipelines-api.ts';
import { organisationFilter, pageEnd, pageQuery } from './paging.ts';
import { runErrorSchema } from './reports.ts';
import { executionStatusSchema, runStateSchema } from './states.ts';

const timestamp = z.iso.datetime();

/** One start of a run: which worker process had it, from when to when, and how it ended. One that was handed back or lost uses up no attempt. */
export const attemptSchema = z.object({
  epoch: z.int().describe('Counts the claims of the run; only its latest may write.'),
  worker: z.string().nullable(),
  started_at: timestamp.nullable(),
  ended_at: timestamp.nullable(),
  outcome: z
    .enum(['running', 'waiting', 'succeeded', 'failed', 'cancelled', 'retry', 'released', 'lapsed'])
    .describe(
      'retry: it failed, and the next attempt follows; released: handed back by a worker that stopped; lapsed: its worker was lost.',
    ),
  error: runErrorSchema.nullable(),
});
export type Attempt = z.infer<typeof attemptSchema>;

/** One file run inside an execution. Files of one content share a run. */
export const fileRunSchema = z.object({
  file: z.string(),
  file_execution_id: z.uuid(),
  size: z.int(),
  state: runStateSchema,
  worker: z.string().nullable(),
  attempt: z.int().describe('At which attempt it is, or ended; from 1 on. Only failures of the task count.'),
  starts: z.int().describe('How often a worker took it, lost workers included, hand-backs not.'),
  started_at: timestamp.nullable(),
  finished_at: timestamp.nullable(),
  error: runErrorSchema.nullable(),
  attempts: z.array(attemptSchema).describe('Every start of it.'),
});

/** An execution as it stands in a list. */
export const executionSummarySchema = z.object({
  execution_id: z.uuid(),
  organisation: z.string(),
  kind: z.enum(['api', 'pipeline']),
  api_name: z.string().describe('The name of its deployment or pipeline.'),
  status: executionStatusSchema,
  error: z.string().nullable(),
  tags: z.array(z.string()),
  total_files: z.int(),
  created_at: timestamp,
  started_at: timestamp.nullable(),
  finished_at: timestamp.nullable(),
  replay_of: z.uuid().nullable().describe('The execution that it runs again, as long as that is there.'),
});
export type ExecutionSummary = z.infer<typeof executionSummarySchema>;

/** `GET /api/v1/executions/{id}`: readable as often as wanted. */
export const executionDetailSchema = z.object({
  ...executionSummarySchema.shape,
  workflow_version: z.int(),
  skipped: skippedCountsSchema
    .nullable()
    .describe('Files of a pipeline that were not processed, once it has ended.'),
  successful_files: z.int(),
  failed_files: z.int(),
  timings: z.object({
    waited_ms: z.number().nullable().describe('From its acceptance until a worker took it.'),
    worked_ms: z.number().nullable().describe('From then until its end.'),
  }),
  files: z.array(fileRunSchema),
  result: z.array(fileResultSchema).nullable(),
  result_expired: z
    .boolean()
    .describe('True: there was a result, and it was removed, having been kept as long as it should be.'),
});
export type ExecutionDetail = z.infer<typeof executionDetailSchema>;

export const executionQuerySchema = z.object({
  include_extracted_text: z
    .enum(['true', 'false'])
    .optional()
    .describe('Adds the text of each document to its result, as long as that is kept.'),
});

/** Moments are compared with the time at which an execution was accepted. */
export const listExecutionsQuerySchema = z.object({
  ...organisationFilter,
  api_name: z.string().min(1).max(100).optional().describe('Only of this deployment or pipeline.'),
  status: executionStatusSchema.optional(),
  tag: z.string().min(1).max(50).optional(),
  since: moment.optional().describe('Accepted at this moment or later.'),
  until: moment.optional().describe('Accepted before this moment.'),
  q: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe(
      'How the name of one of its files begins, in upper or lower case, or its id (from 8 hexadecimal digits).',
    ),
  ...pageQuery,
});
export type ListExecutionsQuery = z.infer<typeof listExecutionsQuerySchema>;

/** Newest first. */
export const executionListSchema = z.object({ executions: z.array(executionSummarySchema), ...pageEnd });
