import { apiError, type JsonValue } from '@longshore/contracts';
import { sqlStateOf, type Database } from '../store/database.ts';
import type { Accepted, AcceptTask } from './submission.ts';
import type { NewTask } from './submit.ts';
import { unknownTask } from './task-reads.ts';

/** A task that is to be run again. */
export interface RetryOrder {
  readonly id: string;
  /** Undefined: those it had. */
  readonly parameters?: { [key: string]: JsonValue } | undefined;
  /** Undefined: what it had. */
  readonly priority?: number | undefined;
  /** Seconds. */
  readonly delay?: number | null;
  /** Makes a repeated order this one. */
  readonly key?: string | null;
  /** The replay of many that orders it. */
  readonly item: NewTask['item'];
}

export interface RetryDependencies {
  readonly database: Database;
  readonly acceptTask: AcceptTask;
}

const FOREIGN_KEY = '23503';

/**
 * Submits a new task like that one. Null: its replay does not want it any more.
 *
 * @throws ApiError as for any new task; 404, 409 when the old one was deleted.
 */
export async function retryTask(
  { database, acceptTask }: RetryDependencies,
  { id, parameters, priority, delay = null, key = null, item }: RetryOrder,
): Promise<Accepted | null> {
  const [old] = await database.query<{
    organisation_id: string;
    task: string;
    priority: number;
    input: { [key: string]: JsonValue };
  }>(
    `select t.organisation_id, t.task, t.priority, r.input from submitted_tasks t join runs r on r.id = t.id where t.id = $1`,
    [id],
  );
  if (old === undefined) throw unknownTask();
  try {
    return await acceptTask({
      organisationId: old.organisation_id,
      task_name: old.task,
      parameters: parameters ?? old.input,
      priority: priority ?? old.priority,
      ...{ delay, item, retryOf: id, idempotency_key: key ?? undefined },
    });
  } catch (error) {
    if (sqlStateOf(error) === FOREIGN_KEY) throw apiError('conflict', 'The task was deleted meanwhile');
    throw error;
  }
}
