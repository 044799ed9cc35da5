import { z } from 'zod';
import { jsonObjectSchema } from './json.ts';
import { moment } from './moment.ts';
import { organisationFilter, organisationOfOne, pageEnd, pageQuery } from './paging.ts';
import { closed, nameSchema } from './workflow/closed.ts';

const SECOND_MS = 1_000;
const UNITS_MS = { s: SECOND_MS, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const DURATION_RULE = 'is written like 90s, 15m, 12h, 7d or 1h30m';

/** Milliseconds of a duration as schedules spell it (`1h30m`); NaN for what is none. */
export function durationMs(text: string): number {
  if (!/^(?:\d{1,9}[smhd])+$/.test(text)) return NaN;
  const parts = text.match(/\d+[smhd]/g)!;
  return parts.reduce((sum, part) => {
    return sum + Number(part.slice(0, -1)) * UNITS_MS[part.at(-1) as keyof typeof UNITS_MS];
  }, 0);
}

function duration(least: string, most: string) {
  const [from, to] = [durationMs(least), durationMs(most)];
  return z.string().superRefine((text, context) => {
    const ms = durationMs(text);
    if (Number.isNaN(ms)) context.addIssue(`a duration ${DURATION_RULE}`);
    else if (ms < from || ms > to) context.addIssue(`must be from ${least} to ${most}`);
  });
}

/** What becomes of times at which nobody was there to fire: none of them, the latest, or each of the newest hundred. */
export const catchUpSchema = z.enum(['skip', 'latest', 'all']);
/** What becomes of a firing while what was fired before has not ended. */
export const overlapSchema = z.enum(['skip', 'queue', 'replace', 'allow']);
export type Overlap = z.infer<typeof overlapSchema>;

const text = (most: number) =>
  z
    .string()
    .max(most)
    .regex(/^[^\0]*$/u, 'may not hold the character NUL');

const when = {
  cron: text(200)
    .min(1)
    .optional()
    .describe(
      'Five fields from minutes to days of the week, six with seconds in front, or `@daily` and its like.',
    ),
  every: duration('1s', '366d').optional().describe(`Instead of cron: a duration; it ${DURATION_RULE}.`),
  time_zone: text(64)
    .min(1)
    .optional()
    .describe('In which cron is meant, as `Europe/Berlin`. Default: `UTC`.'),
  starts_at: moment
    .optional()
    .describe(
      'Not before this moment. Intervals are counted from it; without it, from midnight UTC on 1 January 1970.',
    ),
  ends_at: moment.optional().describe('Not after this moment.'),
  jitter: duration('1s', '1h')
    .optional()
    .describe('Each firing is late by a part of this, which is spread evenly.'),
};

const what = {
  task: text(100).min(1).optional().describe('The type of task that is submitted.'),
  parameters: jsonObjectSchema.optional().describe('Of the task: what its input schema asks for.'),
  priority: z.int().min(-100).max(100).optional().describe('Of the task. Default: 0.'),
  pipeline: nameSchema.optional().describe('Instead of a task: the pipeline that is run.'),
  force: z.boolean().optional().describe('Of the pipeline: processes unchanged files too. Default: false.'),
};

const rules = {
  catch_up: catchUpSchema
    .optional()
    .describe(
      'Of times that passed while the platform was down: fires for none, the latest, or all. Default: skip.',
    ),
  overlap: overlapSchema
    .optional()
    .describe(
      'While an earlier one has not ended, a firing is skipped, waits for that end, replaces it by cancelling it, or is ' +
        'allowed beside it. Default: skip.',
    ),
};

const described = { description: text(2000).optional() };

/** What a schedule says beside its name. */
const shape = { ...described, ...when, ...what, ...rules };

const FORM_KEYS = Object.keys(shape) as (keyof typeof shape)[];

type Loose = Partial<Record<(typeof FORM_KEYS)[number], unknown>>;

interface Complaints {
  addIssue(issue: { code: 'custom'; path: string[]; message: string }): void;
}

/** What the shape alone does not say: of two kinds of time and of two kinds of work there is one each. */
function checkTogether(given: Loose, context: Complaints): void {
  const complain = (path: string, message: string) =>
    context.addIssue({ code: 'custom', path: [path], message });
  const has = (key: keyof Loose) => given[key] !== undefined;
  const oneOf = (one: keyof Loose, other: keyof Loose, asked: string) => {
    if (!has(one) && !has(other)) complain(one, `${asked}: give it ${one} or ${other}`);
    if (has(one) && has(other))
      complain(one, `${one} and ${other} exclude each other: give it one of the two`);
  };
  oneOf('cron', 'every', 'nothing says when it fires');
  oneOf('task', 'pipeline', 'nothing says what it begins');
  if (has('every') && has('time_zone'))
    complain('time_zone', 'it means nothing beside every, whose beat is the same in all zones: leave it out');
  for (const key of ['parameters', 'priority'] as const)
    if (has('pipeline') && has(key)) complain(key, 'only a task takes it, not a pipeline: leave it out');
  if (has('task') && has('force')) complain('force', 'only a pipeline takes it, not a task: leave it out');
  if (has('every') && has('jitter') && durationMs(String(given.jitter)) >= durationMs(String(given.every)))
    complain('jitter', 'must be shorter than the interval');
  if (
    has('starts_at') &&
    has('ends_at') &&
    Date.parse(String(given.starts_at)) > Date.parse(String(given.ends_at))
  )
    complain('ends_at', 'must not lie before starts_at');
}

/** A schedule as it stands, without its name. */
export const scheduleFormSchema = closed('a schedule', shape).superRefine(checkTogether);
export type ScheduleForm = z.infer<typeof scheduleFormSchema>;

const paused = z.boolean().optional();

/** The document `kind: schedule`. Without the key paused a schedule stays paused, or not, as it is. */
export const scheduleDocumentSchema = closed('a schedule', {
  kind: z.literal('schedule'),
  name: nameSchema,
  ...shape,
  paused,
}).superRefine(checkTogether);
export type ScheduleDocument = z.infer<typeof scheduleDocumentSchema>;

export const createScheduleRequestSchema = z
  .strictObject({
    ...organisationOfOne,
    name: nameSchema,
    ...shape,
    paused: paused.describe('Default: false.'),
  })
  .superRefine(checkTogether);
export type CreateScheduleRequest = z.output<typeof createScheduleRequestSchema>;

/** Any key of a schedule; null takes it away. Checked as a whole with what it has already. */
export const changeScheduleRequestSchema = z.strictObject(
  Object.fromEntries(FORM_KEYS.map((key) => [key, shape[key].nullable()])) as {
    [Key in keyof typeof shape]: z.ZodNullable<(typeof shape)[Key]>;
  },
);
export type ChangeScheduleRequest = z.output<typeof changeScheduleRequestSchema>;

const timestamp = z.iso.datetime();

/** How a firing came out. */
export const firingOutcomeSchema = z.enum(['fired', 'waiting', 'skipped', 'failed']);
export type FiringOutcome = z.infer<typeof firingOutcomeSchema>;

export const firingSchema = z.object({
  fire_at: timestamp.describe('The time that the schedule names.'),
  last_at: timestamp.nullable().describe('Of many that were skipped one after the other: the last.'),
  count: z.int().nullable().describe('How many times this line is about; null: more than were counted.'),
  outcome: firingOutcomeSchema,
  reason: z.string().nullable(),
  by_hand: z.boolean().describe('Somebody asked for it.'),
  decided_at: timestamp,
  delay_ms: z.number().nullable().describe('How much later than due it was fired.'),
  task_id: z.uuid().nullable(),
  execution_id: z.uuid().nullable(),
});
export type Firing = z.infer<typeof firingSchema>;

export const scheduleStateSchema = z.enum(['active', 'paused', 'ended']);

export const scheduleSchema = z.object({
  schedule_id: z.uuid(),
  organisation: z.string(),
  name: z.string(),
  ...shape,
  paused: z.boolean(),
  state: scheduleStateSchema.describe('`ended`: there is no time left at which it would fire.'),
  next_at: timestamp.nullable(),
  last_fired_at: timestamp.nullable(),
  fired: z.int().describe('How often it fired.'),
  waiting: z.int().describe('Firings that wait for an earlier one to end.'),
  created_at: timestamp,
  changed_at: timestamp,
});
export type Schedule = z.infer<typeof scheduleSchema>;

export const scheduleDetailSchema = z.object({
  ...scheduleSchema.shape,
  next: z.array(timestamp).describe('The next times at which it would fire, paused or not, without jitter.'),
  warning: z.string().optional().describe('There is one where no live worker serves the task.'),
});
export type ScheduleDetail = z.infer<typeof scheduleDetailSchema>;

export const listSchedulesQuerySchema = z.strictObject({
  ...organisationFilter,
  ...pageQuery,
  name: text(64).optional(),
  state: scheduleStateSchema.optional(),
});
export type ListSchedulesQuery = z.output<typeof listSchedulesQuerySchema>;

export const scheduleListSchema = z.object({ schedules: z.array(scheduleSchema), ...pageEnd });

export const showScheduleQuerySchema = z.strictObject({
  preview: z.coerce
    .number<number | string>()
    .int()
    .min(0)
    .max(100)
    .default(5)
    .describe('So many of the next times are shown.'),
});

export const listFiringsQuerySchema = z.strictObject({
  ...pageQuery,
  outcome: firingOutcomeSchema.optional(),
});
export type ListFiringsQuery = z.output<typeof listFiringsQuerySchema>;

/** Newest first. */
export const firingListSchema = z.object({ firings: z.array(firingSchema), ...pageEnd });
export type FiringList = z.infer<typeof firingListSchema>;
