import { z } from 'zod';
import { executionStatusSchema } from './states.ts';
import { jsonObjectSchema, jsonSchema } from './json.ts';
import { moment } from './moment.ts';
import { organisationFilter, organisationOfOne, pageEnd, pageQuery } from './paging.ts';
import { runErrorSchema } from './reports.ts';

const timestamp = z.iso.datetime();

/** The id of a cause: the same wherever task, code and pattern of the message are the same. */
const causeSchema = z.string().regex(/^[0-9a-f]{16}$/, 'a cause as the list of failures names it');

/** Failures of one cause: task, error code, and message without what differs from case to case. */
export const failureCauseSchema = z.object({
  cause: causeSchema,
  organisation: z.string(),
  task: z.string(),
  code: z.string(),
  message: z.string().describe('Names, numbers, ids and addresses are replaced by <name>, <n>, <id>, …'),
  count: z.int().describe('Runs that failed this way.'),
  first_at: timestamp,
  last_at: timestamp,
  example: z
    .object({ execution_id: z.uuid(), run_id: z.uuid(), message: z.string().nullable() })
    .describe('The latest of them, with its message as it was.'),
});
export type FailureCause = z.infer<typeof failureCauseSchema>;

/** So many failures are looked at, the latest first. */
export const MOST_FAILURES_LOOKED_AT = 50_000;

const causeFilter = {
  api_name: z.string().min(1).max(100).optional().describe('Only of this deployment or pipeline.'),
  task: z.string().min(1).max(100).optional(),
  since: moment.optional().describe('Failed at this moment or later.'),
  until: moment.optional().describe('Failed before this moment.'),
};

/** Which failures of tasks are meant. */
export const failureFilterShape = {
  cause: causeSchema.optional().describe('As `GET /api/v1/failures` names it.'),
  task: causeFilter.task.describe('Only of tasks of this name.'),
  since: causeFilter.since,
  until: causeFilter.until,
};

export const listFailuresQuerySchema = z.object({
  ...organisationFilter,
  ...causeFilter,
  limit: pageQuery.limit.describe('At most this many causes.'),
});
export type ListFailuresQuery = z.output<typeof listFailuresQuerySchema>;

/** The most frequent cause first. */
export const failureListSchema = z.object({
  failures: z.array(failureCauseSchema),
  causes: z.int().describe('How many causes there are, those beyond the limit included.'),
  complete: z
    .boolean()
    .describe(
      `False: there were more than ${MOST_FAILURES_LOOKED_AT} failures in that time, and only the latest were counted.`,
    ),
});
export type FailureList = z.infer<typeof failureListSchema>;

const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
const logLevelSchema = z.enum(LOG_LEVELS);

/** The levels that are as severe as this one, or more. */
export function levelsFrom(level: z.infer<typeof logLevelSchema>): string[] {
  return LOG_LEVELS.slice(LOG_LEVELS.indexOf(level));
}

export const executionLogsQuerySchema = z.object({
  run: z.uuid().optional().describe('Only what this run said.'),
  level: logLevelSchema.default('debug').describe('Only lines of this level or a more severe one.'),
  after: z.coerce
    .number<number | string>()
    .int()
    .min(0)
    .default(0)
    .describe('Only lines after the one with this `line`: for those who follow.'),
  ...pageQuery,
});
export type ExecutionLogsQuery = z.output<typeof executionLogsQuerySchema>;

export const logLineSchema = z.object({
  line: z.int().describe('Grows from line to line; lines of runs that speak at once may come out of turn.'),
  run_id: z.uuid(),
  task: z.string(),
  file: z.string().nullable(),
  at: timestamp,
  level: logLevelSchema,
  message: z.string(),
  fields: jsonSchema,
});
export type LogLine = z.infer<typeof logLineSchema>;

/** An attempt at a run after which the run began again, or with which it failed. */
export const loggedAttemptSchema = z.object({
  run_id: z.uuid(),
  start: z.int().describe('Counts the starts of the run.'),
  task: z.string(),
  file: z.string().nullable(),
  attempt: z.int().describe('From 1 on; one that was handed back or lost is begun again under its number.'),
  outcome: z.enum(['failed', 'handed_back', 'worker_lost']),
  final: z.boolean().describe('True: the run failed with it. False: the run began again.'),
  error: runErrorSchema.nullable(),
  ended_at: timestamp,
  worker: z.string().nullable(),
});
export type LoggedAttempt = z.infer<typeof loggedAttemptSchema>;

/** The first said first. */
export const executionLogsSchema = z.object({
  lines: z.array(logLineSchema),
  attempts: z
    .array(loggedAttemptSchema)
    .default([])
    .describe(
      'On the first page, whatever `level` and `after` are: the latest 1000 attempts that failed, were handed back, or lost ' +
        'their worker, the first ended first.',
    ),
  ended: z.boolean().describe('The execution has ended: hardly anything more will be said.'),
  expired: z.boolean().describe('True: its logs were removed, having been kept as long as they should be.'),
  ...pageEnd,
});
export type ExecutionLogs = z.infer<typeof executionLogsSchema>;

const howToReplay = {
  only_failed: z
    .boolean()
    .default(false)
    .describe('Only files without a result run; the results of the others are taken over.'),
  custom_data: jsonObjectSchema
    .nullable()
    .optional()
    .describe('Instead of what was sent with the first request; null: none. Default: the same.'),
};

export const replayExecutionRequestSchema = z.strictObject(howToReplay);

export const replayedExecutionSchema = z.object({
  execution_id: z.uuid(),
  replay_of: z.uuid(),
  status: executionStatusSchema,
});

/** A replay of many takes at most this many executions. */
export const MOST_REPLAYED = 10_000;

export const replayManyRequestSchema = z.strictObject({
  ...organisationOfOne,
  cause: causeSchema.optional(),
  ...causeFilter,
  limit: z
    .int()
    .min(1)
    .max(MOST_REPLAYED)
    .default(1000)
    .describe('At most this many executions, those that failed last.'),
  per_minute: z.int().min(1).max(6000).default(60).describe('Executions that are begun in a minute.'),
  ...howToReplay,
  dry_run: z.boolean().default(false).describe('True: says how many there are, and begins nothing.'),
});
export type ReplayManyRequest = z.output<typeof replayManyRequestSchema>;

/** Executions, or tasks, that are replayed one after the other. */
export const replaySchema = z.object({
  replay_id: z.uuid(),
  organisation: z.string(),
  kind: z.enum(['executions', 'tasks']).default('executions').describe('What is replayed.'),
  state: z.enum(['running', 'done', 'cancelled']),
  request: z.object({
    cause: z.string().optional(),
    api_name: z.string().optional(),
    task: z.string().optional(),
    since: z.string().optional(),
    until: z.string().optional(),
    limit: z.int(),
    only_failed: z.boolean(),
    custom_data: jsonSchema.optional(),
    parameters: jsonSchema.optional().describe('Of tasks, where they were to be others.'),
  }),
  per_minute: z.int(),
  requested_at: timestamp,
  finished_at: timestamp.nullable(),
  executions: z.object({
    total: z.int(),
    waiting: z.int().describe('Not begun; once it is cancelled they stay so.'),
    replayed: z.int(),
    refused: z.int(),
  }),
});
export type Replay = z.infer<typeof replaySchema>;

export const replayDetailSchema = z.object({
  ...replaySchema.shape,
  refused: z
    .array(z.object({ execution_id: z.uuid(), error: z.string() }))
    .describe('The first 100 that could not be replayed, and why.'),
});

export const replayManyResponseSchema = z.object({
  matched: z.int().describe('Executions that the filter finds, up to the limit.'),
  replay: replaySchema.nullable().describe('Null after a dry run, and where nothing matched.'),
});

export const listReplaysQuerySchema = z.object({ ...organisationFilter, ...pageQuery });

/** Newest first. */
export const replayListSchema = z.object({ replays: z.array(replaySchema), ...pageEnd });
