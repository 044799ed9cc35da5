import { apiError, type ScheduleForm } from '@longshore/contracts';
import { uuidV7 } from '@longshore/runtime';
import { sqlStateOf, type SqlClient } from '../store/database.ts';
import { pipelineOf } from './check-schedule.ts';
import { dueAfter } from './jitter.ts';
import { timingOf } from './timing.ts';

/** Word for all backends that a schedule may be due earlier than they know. Heard once the transaction is committed. */
const SAY_CHANGED = `select pg_notify('longshore_schedules', '')`;

export interface NewSchedule {
  readonly organisationId: string;
  readonly name: string;
  readonly form: ScheduleForm;
  readonly paused: boolean;
}

/** A schedule as somebody is about to change it. */
export interface HeldForm {
  readonly id: string;
  readonly organisationId: string;
  readonly name: string;
  readonly form: ScheduleForm;
  readonly paused: boolean;
  readonly nextAt: Date | null;
  readonly now: Date;
}

const HELD = `select s.id, s.organisation_id as "organisationId", s.name, s.form, s.paused, s.next_at as "nextAt", now() as now
  from schedules s`;

export async function holdSchedule(client: SqlClient, id: string): Promise<HeldForm | undefined> {
  const { rows } = await client.query<HeldForm>(`${HELD} where s.id = $1 for update`, [id]);
  return rows[0];
}

/** @throws ApiError 409 when there is one of that name. */
export async function insertSchedule(client: SqlClient, schedule: NewSchedule): Promise<string> {
  const { organisationId, name, form, paused } = schedule;
  const id = uuidV7();
  const pipelineId = await pipelineOf(client, organisationId, form);
  const times = timesFrom({ id, form, now: await moment(client) });
  try {
    await client.query(
      `insert into schedules (id, organisation_id, name, form, task, pipeline_id, overlap, paused, next_at, due_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, case when $8 then null else $10::timestamptz end)`,
      [id, organisationId, name, ...valuesOf(form, pipelineId), paused, times.nextAt, times.dueAt],
    );
  } catch (error) {
    if (sqlStateOf(error) !== '23505') throw error;
    throw apiError('conflict', `There is a schedule "${name}" already`, 'name');
  }
  await client.query(SAY_CHANGED);
  return id;
}

async function moment(client: SqlClient): Promise<Date> {
  const { rows } = await client.query<{ now: Date }>('select now() as now');
  return rows[0]!.now;
}

function valuesOf(form: ScheduleForm, pipelineId: string | null): unknown[] {
  return [JSON.stringify(form), form.task ?? null, pipelineId, form.overlap ?? 'skip'];
}

/**
 * Gives a held schedule another form, pauses or resumes it. Its next time stays as long as what it says of times does, and it goes
 * on without a break; else, and when it is resumed, the first after now is next.
 */
export async function updateSchedule(
  client: SqlClient,
  held: HeldForm,
  { form, paused }: { form: ScheduleForm; paused: boolean },
): Promise<void> {
  const pipelineId = await pipelineOf(client, held.organisationId, form);
  const isSame = timesText(held.form) === timesText(form) && !(held.paused && !paused);
  const times = timesFrom({ id: held.id, form, now: held.now });
  const nextAt = isSame ? held.nextAt : times.nextAt;
  await client.query(
    `update schedules
        set form = $2, task = $3, pipeline_id = $4, overlap = $5, paused = $6, next_at = $7, changed_at = now(),
            due_at = case when $6 then null when $9 then due_at else $8::timestamptz end
      where id = $1`,
    [held.id, ...valuesOf(form, pipelineId), paused, nextAt, times.dueAt, isSame],
  );
  await client.query(SAY_CHANGED);
}

function timesFrom({ id, form, now }: Pick<HeldForm, 'id' | 'form' | 'now'>) {
  const nextAt = timingOf(form).next(now.getTime());
  if (nextAt === null) return { nextAt: null, dueAt: null };
  return { nextAt: new Date(nextAt), dueAt: new Date(dueAfter(id, form, nextAt)) };
}

function timesText({ cron, every, time_zone, starts_at, ends_at, jitter }: ScheduleForm): string {
  return JSON.stringify([cron, every, time_zone, starts_at, ends_at, jitter]);
}
