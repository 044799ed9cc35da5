import { validationError, type ApplyDocument } from '@longshore/contracts';
import type { PlannedChange } from '../deployments/apply-plan.ts';
import type { Database, SqlClient } from '../store/database.ts';
import type { CheckSchedule } from './check-schedule.ts';
import { holdSchedule, insertSchedule, updateSchedule } from './write-schedule.ts';

/** @throws ApiError 400 that names document and key of each time, task and parameter that cannot be. */
export async function refuseWrongSchedules(
  database: Database,
  check: CheckSchedule,
  documents: readonly ApplyDocument[],
): Promise<void> {
  if (!documents.some(({ kind }) => kind === 'schedule')) return;
  const [moment] = await database.query<{ now: Date }>('select now() as now');
  const checked = documents.map(async (document, index) => {
    if (document.kind !== 'schedule') return [];
    const problems = await check(document, moment!.now);
    return problems.map(({ path, message }) => ({ path: ['documents', index, ...path.split('.')], message }));
  });
  const issues = (await Promise.all(checked)).flat();
  if (issues.length > 0) throw validationError(issues);
}

/** Creates or changes a schedule. */
export async function applySchedule(
  client: SqlClient,
  organisationId: string,
  { change, form: { paused, ...form } }: Extract<PlannedChange, { kind: 'schedule' }>,
): Promise<void> {
  const { name } = change;
  const { rows } = await client.query<{ id: string }>(
    'select id from schedules where organisation_id = $1 and name = $2',
    [organisationId, name],
  );
  const held = rows[0] && (await holdSchedule(client, rows[0].id));
  if (held === undefined) await insertSchedule(client, { organisationId, name, form, paused });
  else await updateSchedule(client, held, { form, paused });
}
