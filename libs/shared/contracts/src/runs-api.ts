import { z } from 'zod';
import { attemptSchema } from './executions-api.ts';
import { pageEnd, pageQuery } from './paging.ts';
import { runErrorSchema } from './reports.ts';
import { runStateSchema } from './states.ts';

const timestamp = z.iso.datetime();

/** One run below an execution or a task, or that run itself, with every start of it. */
export const runSchema = z.object({
  run_id: z.uuid(),
  parent_id: z.uuid().nullable().describe('The run that made it; null: the execution or task itself.'),
  key: z
    .string()
    .nullable()
    .describe('How its parent calls it; empty: what goes on once all its children have ended.'),
  task: z.string(),
  queue: z.string(),
  file: z.string().nullable(),
  state: runStateSchema,
  starts: z.int().describe('How often a worker took it, lost workers included, hand-backs not.'),
  created_at: timestamp,
  started_at: timestamp.nullable(),
  finished_at: timestamp.nullable(),
  error: runErrorSchema.nullable(),
  attempts: z.array(attemptSchema).describe('Every start of it.'),
});
export type Run = z.infer<typeof runSchema>;

export const listRunsQuerySchema = z.strictObject({
  of: z.uuid().describe('An execution, or a task.'),
  state: runStateSchema.optional(),
  task: z.string().min(1).max(100).optional(),
  ...pageQuery,
});
export type ListRunsQuery = z.infer<typeof listRunsQuerySchema>;

/** In the order in which they were made. */
export const runListSchema = z.object({ runs: z.array(runSchema), ...pageEnd });
export type RunList = z.infer<typeof runListSchema>;
