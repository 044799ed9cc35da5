import { apiError, type ListSchedulesQuery, type Schedule, type ScheduleForm } from '@longshore/contracts';
import { z } from 'zod';
import type { Caller } from '../http/auth.ts';
import { decodeCursor, pageOf } from '../native/paging.ts';
import { maySee } from '../native/visible-organisations.ts';
import type { Database } from '../store/database.ts';
import { timingOf } from './timing.ts';

export interface StoredSchedule {
  readonly id: string;
  readonly organisation_id: string;
  readonly organisation: string;
  readonly name: string;
  readonly form: ScheduleForm;
  readonly paused: boolean;
  readonly next_at: Date | null;
  readonly last_fired_at: Date | null;
  readonly fired: number;
  readonly waiting: number;
  readonly created_at: Date;
  readonly changed_at: Date;
  readonly now: Date;
}

const STORED = `select s.id, s.organisation_id, o.name as organisation, s.name, s.form, s.paused, s.next_at, s.last_fired_at,
  s.fired::float8 as fired, s.waiting, s.created_at, s.changed_at, now() as now
  from schedules s join organisations o on o.id = s.organisation_id`;

/** @throws ApiError 404, for one of another organisation too: nobody learns that it exists. */
export async function readSchedule(database: Database, id: string, caller: Caller): Promise<StoredSchedule> {
  const [schedule] = await database.query<StoredSchedule & Record<string, unknown>>(
    `${STORED} where s.id = $1`,
    [id],
  );
  if (schedule === undefined || !maySee(caller, schedule.organisation_id)) throw unknownSchedule();
  return schedule;
}

export function unknownSchedule() {
  return apiError('not_found', 'No such schedule');
}

export function viewOf(stored: StoredSchedule): Schedule {
  const { form, paused, next_at } = stored;
  const state = next_at === null ? 'ended' : paused ? 'paused' : 'active';
  return {
    schedule_id: stored.id,
    organisation: stored.organisation,
    name: stored.name,
    ...form,
    ...{ paused, state, fired: stored.fired, waiting: stored.waiting },
    next_at: state === 'active' ? next_at!.toISOString() : null,
    last_fired_at: stored.last_fired_at?.toISOString() ?? null,
    created_at: stored.created_at.toISOString(),
    changed_at: stored.changed_at.toISOString(),
  };
}

/** The next times after the database's now. */
export function previewOf({ form, now }: StoredSchedule, count: number): string[] {
  const timing = timingOf(form);
  const times: string[] = [];
  for (let at = timing.next(now.getTime()); at !== null && times.length < count; at = timing.next(at))
    times.push(new Date(at).toISOString());
  return times;
}

const cursorKey = z.tuple([z.string(), z.uuid()]);

/** How a state stands in the rows. */
const STATES = {
  active: 'not s.paused and s.next_at is not null',
  paused: 's.paused and s.next_at is not null',
  ended: 's.next_at is null',
} as const;

/** A page in the order of names. */
export async function listSchedules(
  database: Database,
  organisationIds: readonly string[],
  { limit, cursor, name, state }: ListSchedulesQuery,
): Promise<{ schedules: Schedule[]; next_cursor: string | null }> {
  const [afterName, afterId] = decodeCursor(cursor, cursorKey) ?? [null, null];
  const rows = await database.query<StoredSchedule & Record<string, unknown>>(
    `${STORED}
      where s.organisation_id = any($1::uuid[]) and ($2::text is null or (s.name, s.id) > ($2, $3::uuid))
        and ($4::text is null or s.name = $4) and ${state === undefined ? 'true' : STATES[state]}
      order by s.name, s.id limit $5`,
    [organisationIds, afterName, afterId, name ?? null, limit + 1],
  );
  const { items, next_cursor } = pageOf(rows, limit, (row) => [row.name, row.id]);
  return { schedules: items.map(viewOf), next_cursor };
}
