import {
  apiError,
  taskStatusOf,
  type JsonValue,
  type Output,
  type RunError,
  type RunState,
  type TaskProgress,
  type TaskResult,
  type TaskStatus,
  type TaskStatusAnswer,
} from '@longshore/contracts';
import type { FileStore } from '../files/file-store.ts';
import type { Caller } from '../http/auth.ts';
import { maySee } from '../native/visible-organisations.ts';
import type { Database, Statement } from '../store/database.ts';

/** What is known of a submitted task, without its parameters and its output. */
export interface StoredTask {
  readonly id: string;
  readonly organisation_id: string;
  readonly organisation: string;
  readonly task: string;
  readonly queue: string;
  readonly priority: number;
  readonly state: RunState;
  readonly created_at: Date;
  readonly run_at: Date | null;
  readonly is_due: boolean;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
  readonly progress: TaskProgress | null;
  readonly error: RunError | null;
  readonly retry_of: string | null;
}

/** SQL for a row of `submitted_tasks t` with its run `r`. */
export const STORED_TASK = `t.id, t.organisation_id, o.name as organisation, t.task, r.queue, t.priority, r.state, t.created_at,
  t.run_at, coalesce(t.run_at <= now(), true) as is_due, r.started_at, r.finished_at, r.progress, r.error, t.retry_of`;

/** Whoever waits for a result asks these: planned anew for each question they would cost five times as much. */
const taskById: Statement = {
  name: 'task_by_id',
  text: `
select ${STORED_TASK}
  from submitted_tasks t join runs r on r.id = t.id join organisations o on o.id = t.organisation_id where t.id = $1`,
};
const taskWithResult: Statement = {
  name: 'task_with_result',
  text: `
select ${STORED_TASK}, r.output,
       exists (select 1 from ended_executions x where x.id = r.id and x.results_removed_at is not null) as expired
  from submitted_tasks t join runs r on r.id = t.id join organisations o on o.id = t.organisation_id where t.id = $1`,
};

/** The task. @throws ApiError 404, for one of another organisation too: nobody learns that it exists. */
export async function readTask(database: Database, id: string, caller: Caller): Promise<StoredTask> {
  return await readVisible(database, taskById, { id, caller });
}

async function readVisible<Row extends StoredTask>(
  database: Database,
  statement: Statement,
  { id, caller }: { readonly id: string; readonly caller: Caller },
): Promise<Row> {
  const [task] = await database.hot<Row & Record<string, unknown>>(statement, [id]);
  if (task === undefined || !maySee(caller, task.organisation_id)) throw unknownTask();
  return task;
}

/** Only whose it is. @throws ApiError 404 */
export async function requireTask(
  database: Database,
  id: string,
  caller: Caller,
): Promise<{ organisationId: string }> {
  const [task] = await database.query<{ organisation_id: string }>(
    'select organisation_id from submitted_tasks where id = $1',
    [id],
  );
  if (task === undefined || !maySee(caller, task.organisation_id)) throw unknownTask();
  return { organisationId: task.organisation_id };
}

export function unknownTask() {
  return apiError('not_found', 'No such task');
}

export function statusOf(task: Pick<StoredTask, 'state' | 'started_at' | 'is_due'>): TaskStatus {
  return taskStatusOf({ state: task.state, everClaimed: task.started_at !== null, isDue: task.is_due });
}

export function statusAnswer(task: StoredTask): TaskStatusAnswer {
  return {
    task_id: task.id,
    task_name: task.task,
    status: statusOf(task),
    created_at: task.created_at.toISOString(),
    started_at: task.started_at?.toISOString() ?? null,
    finished_at: task.finished_at?.toISOString() ?? null,
    progress: task.progress,
    // Stack and cause are for those who run the platform: they stand in its logs.
    error: task.error && { ...task.error, detail: null },
  };
}

/** A task with what it made, and whether that was removed. */
interface TaskWithResult extends StoredTask {
  readonly output: Output | null;
  readonly expired: boolean;
}

/** The task with its result, in one question. @throws ApiError 404 as {@link readTask} */
export function readTaskWithResult(database: Database, id: string, caller: Caller): Promise<TaskWithResult> {
  return readVisible(database, taskWithResult, { id, caller });
}

export async function resultAnswer(
  store: FileStore,
  { output, expired }: Pick<TaskWithResult, 'output' | 'expired'>,
): Promise<Pick<TaskResult, 'result' | 'result_expired'>> {
  return { result: await valueOf(store, output), result_expired: expired };
}

async function valueOf(store: FileStore, output: Output | null): Promise<JsonValue> {
  if (output === null) return null;
  if ('inline' in output) return output.inline;
  const [bytes] = await store.readSlices([{ object: output.ref, offset: 0, size: output.size }]);
  if (!bytes) throw apiError('internal_error', 'The stored result is gone from the file store');
  return JSON.parse(bytes.toString()) as JsonValue;
}

/** What else the page of one task shows. */
export interface TaskParticulars {
  readonly parameters: JsonValue;
  readonly attempts: number;
  readonly max_attempts: number;
  readonly starts: number;
  readonly worker: string | null;
}

export async function readParticulars(database: Database, id: string): Promise<TaskParticulars> {
  const [row] = await database.query<TaskParticulars & Record<string, unknown>>(
    `select r.input as parameters, r.attempts, r.max_attempts, r.starts,
            (select s.instance from sessions s where s.id = r.session_id) as worker
       from runs r where r.id = $1`,
    [id],
  );
  if (row === undefined) throw unknownTask();
  return row;
}
