import { z } from 'zod';
import { failureFilterShape } from './failures-api.ts';
import { jsonObjectSchema, jsonSchema } from './json.ts';
import { taskLimitSchema } from './limits.ts';
import { moment } from './moment.ts';
import { organisationFilter, organisationOfOne, pageQuery } from './paging.ts';
import { runErrorSchema } from './reports.ts';
import type { RunState } from './states.ts';

const timestamp = z.iso.datetime();

/** The status of a task as clients see it. */
export const taskStatusSchema = z.enum(['queued', 'deferred', 'started', 'finished', 'failed', 'cancelled']);
export type TaskStatus = z.infer<typeof taskStatusSchema>;

/**
 * Public status of a task. Once claimed, everything that is not terminal is started, a retry that waits included; so a
 * status never falls back.
 */
export function taskStatusOf(run: { state: RunState; everClaimed: boolean; isDue: boolean }): TaskStatus {
  switch (run.state) {
    case 'queued':
    case 'running':
    case 'waiting':
      if (run.everClaimed) return 'started';
      return run.isDue ? 'queued' : 'deferred';
    case 'succeeded':
      return 'finished';
    case 'failed':
      return 'failed';
    case 'cancelled':
      return 'cancelled';
  }
}

const YEAR_SECONDS = 31_536_000;
/** The most tasks that one call submits. */
export const MOST_SUBMITTED_TOGETHER = 1_000;
/** The longest that a result is waited for, seconds. */
export const MOST_WAITED_SECONDS = 300;

const taskName = z.string().min(1).max(100);
const priority = z
  .int()
  .min(-100)
  .max(100)
  .describe(
    'For a task of the queue `default`: above 5 it goes to `high_priority`, below 0 to `low_priority`. For a task with ' +
      'a queue of its own: the order in it.',
  );
const delay = z
  .number()
  .min(0)
  .max(YEAR_SECONDS)
  .nullable()
  .describe('Seconds until it may start. Null: none.');

export const submitTaskRequestSchema = z.strictObject({
  ...organisationOfOne,
  task_name: taskName,
  parameters: jsonObjectSchema.default({}).describe('What the input schema of the task type asks for.'),
  priority: priority.default(0),
  delay: delay.default(null),
  idempotency_key: z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe('The same key with the same request within 24 h answers with the first task.'),
});
export type SubmitTaskRequest = z.output<typeof submitTaskRequestSchema>;

const submitted = {
  task_id: z.uuid(),
  status: z.literal('submitted'),
  message: z.string(),
  warning: z.string().optional().describe('There is one where no live worker serves the task.'),
};
export const submittedTaskSchema = z.object(submitted);
export type SubmittedTask = z.infer<typeof submittedTaskSchema>;

export const submitTasksRequestSchema = z.strictObject({
  tasks: z
    .array(jsonObjectSchema)
    .min(1)
    .max(MOST_SUBMITTED_TOGETHER)
    .describe('Each as the body of `POST /tasks/submit`.'),
});

/** One answer for each item, in their order. */
export const submitTasksResponseSchema = z.object({
  submitted: z.int(),
  refused: z.int(),
  results: z.array(
    z.discriminatedUnion('status', [
      submittedTaskSchema,
      z.object({
        status: z.literal('refused'),
        http_status: z.int().describe('What `POST /tasks/submit` would have been answered with.'),
        errors: z.array(z.object({ code: z.string(), detail: z.string(), attr: z.string().nullable() })),
      }),
    ]),
  ),
});
export type SubmitTasksResponse = z.infer<typeof submitTasksResponseSchema>;

export const taskTypesQuerySchema = z.strictObject({
  details: z.stringbool().default(false).describe('True: with everything that is known of them.'),
});

/** Names alone, or with details. */
export const taskTypesSchema = z.object({
  types: z.array(z.string()),
  details: z
    .array(
      z.object({
        name: z.string(),
        group: z.string(),
        queue: z.string(),
        description: z.string(),
        input_schema: jsonSchema.describe('A JSON Schema.'),
        max_attempts: z.int(),
        soft_limit_ms: z.number().describe('After this time its signal fires.'),
        hard_limit_ms: z.number().describe('After this time it is ended.'),
        isolation: z.string(),
        limits: z.array(taskLimitSchema).describe('How many go on at once and start in a time; all hold.'),
        served: z.boolean().describe('Whether a live worker would take it.'),
      }),
    )
    .optional()
    .describe('With `details=true`.'),
});
export type TaskTypes = z.infer<typeof taskTypesSchema>;

export const taskProgressSchema = z.object({
  percentage: z.number().nullable(),
  message: z.string().nullable(),
  data: jsonSchema,
});
export type TaskProgress = z.infer<typeof taskProgressSchema>;

const waiting = {
  waits_for_limit: z
    .array(taskLimitSchema)
    .optional()
    .describe('It waits for one of these limits of its type. Not there: it waits for none.'),
};

export const taskStatusAnswerSchema = z.object({
  task_id: z.uuid(),
  task_name: z.string(),
  status: taskStatusSchema,
  created_at: timestamp,
  started_at: timestamp.nullable(),
  finished_at: timestamp.nullable(),
  progress: taskProgressSchema.nullable(),
  error: runErrorSchema.nullable(),
  ...waiting,
});
export type TaskStatusAnswer = z.infer<typeof taskStatusAnswerSchema>;

export const taskResultQuerySchema = z.strictObject({
  wait: z.coerce
    .number<number | string>()
    .min(0)
    .max(MOST_WAITED_SECONDS)
    .default(0)
    .describe('Waits so many seconds for its end.'),
});

export const taskResultSchema = z.object({
  ...taskStatusAnswerSchema.shape,
  result: jsonSchema.describe('What it returned; null before its end, and where there is nothing.'),
  result_expired: z.boolean().describe('True: it was removed, having been kept as long as it should be.'),
});
export type TaskResult = z.infer<typeof taskResultSchema>;

export const cancelledTaskSchema = z.object({
  task_id: z.uuid(),
  status: z.literal('cancelled'),
  message: z.string(),
});

/** A task as it stands in a list. */
export const taskSummarySchema = z.object({
  task_id: z.uuid(),
  organisation: z.string(),
  task_name: z.string(),
  status: taskStatusSchema,
  queue: z.string(),
  priority: z.int(),
  created_at: timestamp,
  run_at: timestamp.nullable().describe('Not started before; null: at once.'),
  started_at: timestamp.nullable(),
  finished_at: timestamp.nullable(),
  error: z.string().nullable(),
  retry_of: z.uuid().nullable().describe('The task that it runs again, as long as that is there.'),
});
export type TaskSummary = z.infer<typeof taskSummarySchema>;

/** An attempt after which the task was to begin again. */
export const pastAttemptSchema = z.object({
  attempt: z.int().describe('From 1 on; one that was handed back or lost is begun again under its number.'),
  outcome: z.enum(['failed', 'handed_back', 'worker_lost']),
  error: runErrorSchema.nullable(),
  started_at: timestamp.nullable(),
  ended_at: timestamp,
  worker: z.string().nullable(),
});
export type PastAttempt = z.infer<typeof pastAttemptSchema>;

export const taskDetailSchema = z.object({
  ...taskSummarySchema.shape,
  parameters: jsonSchema,
  progress: taskProgressSchema.nullable(),
  error: runErrorSchema.nullable(),
  attempts: z.int().describe('Attempts that failed.'),
  max_attempts: z.int(),
  starts: z.int().describe('How often a worker took it, lost workers included, hand-backs not.'),
  worker: z.string().nullable().describe('The process that took it last.'),
  past_attempts: z.array(pastAttemptSchema).describe('Those after which it was to begin again.'),
  ...waiting,
  warning: z.string().optional().describe('It waits, and no live worker serves it.'),
});
export type TaskDetail = z.infer<typeof taskDetailSchema>;

/** So far a list can be paged through by `offset`; further back with `until`. */
const MOST_OFFSET = 100_000;
/** So many tasks are counted, and so many are looked through for a text. */
export const MOST_TASKS_COUNTED = 10_000;
export const MOST_TASKS_SEARCHED = 10_000;

export const listTasksQuerySchema = z.strictObject({
  ...organisationFilter,
  limit: pageQuery.limit,
  offset: z.coerce.number<number | string>().int().min(0).max(MOST_OFFSET).default(0),
  status: taskStatusSchema.optional(),
  task_name: taskName.optional(),
  q: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe(
      'The beginning of an id (from 8 hexadecimal digits), or a text in the name or the parameters of one of the latest ' +
        `${MOST_TASKS_SEARCHED} tasks, in upper or lower case.`,
    ),
  since: moment.optional().describe('Submitted at this moment or later.'),
  until: moment.optional().describe('Submitted before this moment.'),
});
export type ListTasksQuery = z.output<typeof listTasksQuerySchema>;

/** Newest first. */
export const taskListSchema = z.object({
  tasks: z.array(taskSummarySchema),
  total: z.int(),
  total_is_exact: z
    .boolean()
    .describe(`False: there are more; no more than ${MOST_TASKS_COUNTED} are counted.`),
  limit: z.int(),
  offset: z.int(),
  has_more: z.boolean(),
});
export type TaskList = z.infer<typeof taskListSchema>;

export const deletedTaskSchema = z.object({
  task_id: z.uuid(),
  removed: z.record(z.string(), z.int()).describe('Rows by table.'),
});

const again = {
  parameters: jsonObjectSchema.optional().describe('Instead of those it had. Default: the same.'),
};

export const retryTaskRequestSchema = z.strictObject({
  ...again,
  priority: priority.optional(),
  delay: delay.default(null),
});

export const retriedTaskSchema = z.object({ ...submitted, retry_of: z.uuid() });

export const replayTasksRequestSchema = z.strictObject({
  ...organisationOfOne,
  ...failureFilterShape,
  limit: z
    .int()
    .min(1)
    .max(10_000)
    .default(1000)
    .describe('At most this many tasks, those that failed last.'),
  per_minute: z.int().min(1).max(6000).default(60).describe('Tasks that are submitted in a minute.'),
  ...again,
  dry_run: z.boolean().default(false).describe('True: says how many there are, and begins nothing.'),
});
export type ReplayTasksRequest = z.output<typeof replayTasksRequestSchema>;

export const taskWorkersSchema = z.object({
  broker: z.object({
    kind: z.enum(['redis', 'postgres']),
    address: z.string().nullable().describe('Host and port, never a password; null without an admin key.'),
    state: z.enum(['reachable', 'unreachable']),
  }),
  pools: z.array(
    z.object({
      pool: z.string(),
      worker: z.string(),
      queues: z.array(z.string()),
      tasks: z.array(z.string()),
      slots: z.int().describe('Runs that its processes execute at once.'),
      active: z
        .int()
        .describe('Runs that they execute now; with the key of an organisation, those of its own.'),
      sessions: z.array(
        z.object({
          instance: z.string(),
          state: z.enum(['active', 'draining']),
          concurrency: z.int(),
          active: z.int(),
          started_at: timestamp,
          seen_ms_ago: z.number(),
        }),
      ),
    }),
  ),
  queues: z
    .array(
      z.object({
        queue: z.string(),
        queued: z.int(),
        due: z.int(),
        running: z.int(),
        oldest_age_ms: z.number().nullable(),
        served: z.boolean(),
      }),
    )
    .describe('With the key of an organisation: what of its own waits and runs there.'),
});
export type TaskWorkers = z.infer<typeof taskWorkersSchema>;
