import { ApiError, apiError, errorCodes, validationError, type ScheduleForm } from '@longshore/contracts';
import type { SqlClient } from '../store/database.ts';
import type { TaskTypes } from '../tasks/task-types.ts';
import { complaintAboutTiming } from './timing.ts';

/** Something of a schedule that is wrong, and where. */
export interface ScheduleProblem {
  readonly path: string;
  readonly message: string;
  readonly code?: 'invalid_parameters';
}

/** What is wrong with a schedule beyond its shape: times that never come, unknown tasks, parameters that do not fit. */
export type CheckSchedule = (form: ScheduleForm, now: Date) => Promise<ScheduleProblem[]>;

export function createCheckSchedule(types: TaskTypes): CheckSchedule {
  return async function checkSchedule(form, now) {
    const timing = complaintAboutTiming(form, now.getTime());
    if (timing !== null) return [timing];
    if (form.task === undefined) return [];
    const type = await types.find(form.task);
    if (type === undefined) return [{ path: 'task', message: `Unknown task type: ${form.task}` }];
    const problems = types.checkerOf(type)(form.parameters ?? {});
    return problems.map(({ path, message }) => ({ path, message, code: 'invalid_parameters' }));
  };
}

/** @throws ApiError 400 for times and tasks, 422 for parameters. */
export function refuseProblems(problems: readonly ScheduleProblem[]): void {
  if (problems.length === 0) return;
  if (problems.some(({ code }) => code === undefined))
    throw validationError(problems.map(({ path, message }) => ({ path: path.split('.'), message })));
  throw new ApiError(
    errorCodes.invalid_parameters,
    problems.map(({ path, message }) => ({ code: 'invalid_parameters', detail: message, attr: path })),
  );
}

/** The pipeline that a schedule of an organisation names; null: it names none. @throws ApiError 400 when there is no such pipeline. */
export async function pipelineOf(
  client: Pick<SqlClient, 'query'>,
  organisationId: string,
  { pipeline }: Pick<ScheduleForm, 'pipeline'>,
): Promise<string | null> {
  if (pipeline === undefined) return null;
  const { rows } = await client.query<{ id: string }>(
    `select id from deployments where organisation_id = $1 and api_name = $2 and kind = 'pipeline'`,
    [organisationId, pipeline],
  );
  if (rows[0] === undefined) throw apiError('invalid', `There is no pipeline "${pipeline}"`, 'pipeline');
  return rows[0].id;
}
