import type { ScheduleForm } from '@longshore/contracts';
import { silentLogger, systemClock } from '@longshore/runtime';
import type { TestModel } from '../testing/model.ts';
import { startFiring } from './firing-work.ts';
import { createMakeRuns } from './new-runs.ts';
import { insertSchedule } from './write-schedule.ts';

const limits = { maxUnfinishedPerOrganisation: 100_000, maxUnfinished: 100_000, maxParallelFiles: 4 };

/** What a backend needs to fire. */
export function firingParts(model: TestModel) {
  const { database, contexts, cancel, waitingRuns } = model;
  const makeRuns = createMakeRuns({ ...model, limits, remember: contexts.remember });
  return { database, makeRuns, cancel, waitingRuns, clock: systemClock, logger: silentLogger() };
}

let names = 0;

/** A schedule of the task `work`, every minute unless told otherwise; its next time lies that far back. */
export async function putSchedule(
  model: TestModel,
  form: ScheduleForm = {},
  { dueAgo }: { dueAgo?: string } = {},
): Promise<string> {
  names += 1;
  const whole = { ...(form.cron === undefined && { every: '1m' }), task: 'work', ...form };
  const id = await model.database.transaction((client) =>
    insertSchedule(client, {
      ...{ organisationId: model.organisationId, name: `s${names}` },
      ...{ form: whole, paused: false },
    }),
  );
  if (dueAgo !== undefined) await setBack(model, id, dueAgo);
  return id;
}

/** As if the database's clock had gone on by that much since the schedule was looked at last: only whole minutes keep its beat. */
async function setBack(model: TestModel, id: string, interval: string): Promise<void> {
  await model.database.query(
    `update schedules set next_at = date_trunc('minute', now()) - $2::interval, due_at = date_trunc('minute', now()) - $2::interval
      where id = $1`,
    [id, interval],
  );
}

/** The history of a schedule, oldest first. */
export async function historyOf(model: TestModel, id: string) {
  return await model.database.query<{
    fire_at: Date;
    last_at: Date | null;
    count: number;
    outcome: string;
    reason: string | null;
    run_id: string | null;
  }>(
    'select fire_at, last_at, count, outcome, reason, run_id from schedule_firings where schedule_id = $1 order by fire_at',
    [id],
  );
}

export const startTestFiring = (model: TestModel) => startFiring(firingParts(model));
