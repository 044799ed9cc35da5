import { apiError, isTerminal, routes, type TaskDetail, type TaskResult } from '@longshore/contracts';
import type { ExecutionWaiters } from '../executions/waiters.ts';
import type { FileStore } from '../files/file-store.ts';
import type { Caller } from '../http/auth.ts';
import { handle, type MountedRoute } from '../http/server.ts';
import { visibleOrganisations } from '../native/visible-organisations.ts';
import type { Pools } from '../dispatch/pools.ts';
import { deleteExecution } from '../retention/execution-deletion.ts';
import type { CancelRun } from '../runs/cancel.ts';
import type { Database } from '../store/database.ts';
import { CLOSED, cursorOf } from './event-news.ts';
import { sendEvents, whileConnected } from './event-stream.ts';
import { readPastAttempts } from './past-attempts.ts';
import { warningOf } from './submission.ts';
import { taskEvents } from './task-events.ts';
import { listTasks, summaryOf } from './task-list.ts';
import {
  readParticulars,
  readTask,
  readTaskWithResult,
  requireTask,
  resultAnswer,
  statusAnswer,
  type StoredTask,
} from './task-reads.ts';
import type { TaskWatch } from './task-watch.ts';
import { limitsHolding } from './waiting-for-limit.ts';

export interface TaskRoutesDependencies {
  readonly database: Database;
  readonly store: FileStore;
  readonly waiters: ExecutionWaiters;
  readonly watch: TaskWatch;
  readonly pools: Pick<Pools, 'isServed'>;
  readonly clock: { monotonic(): number };
  readonly cancel: CancelRun;
  readonly stopping: AbortSignal;
}

/** Tasks that were submitted: searched, followed, cancelled, deleted. */
export function taskRoutes(dependencies: TaskRoutesDependencies): MountedRoute[] {
  const { database, cancel, stopping } = dependencies;
  return [
    handle(routes.listTasks, async ({ query, caller }) => {
      const { organisation, ...filter } = query;
      const organisations = await visibleOrganisations(database, caller, organisation);
      return await listTasks(database, { ...filter, organisationIds: organisations.map(({ id }) => id) });
    }),
    handle(routes.task, async ({ params, caller }) =>
      detailOf(dependencies, await readTask(database, params.id, caller)),
    ),
    handle(routes.taskStatus, async ({ params, caller }) => {
      const task = await readTask(database, params.id, caller);
      return { ...statusAnswer(task), ...(await waitingOf(database, task)) };
    }),
    handle(routes.taskResult, async ({ params, query, caller, response }) => {
      const signal = whileConnected(response, stopping);
      return await resultOf(dependencies, { id: params.id, caller, waitMs: query.wait * 1000, signal });
    }),
    handle(routes.taskEvents, async ({ params, caller, request, response }) => {
      await requireTask(database, params.id, caller);
      const from = cursorOf(request.get('last-event-id'));
      if (from.told === CLOSED) return void response.status(204).end();
      const signal = whileConnected(response, stopping);
      await sendEvents(response, taskEvents(dependencies, { taskId: params.id, from, signal }), signal);
      return undefined;
    }),
    handle(routes.cancelTask, async ({ params: { id }, caller }) => {
      await requireTask(database, id, caller);
      const cancelled = await cancel(id);
      if (cancelled === null) throw apiError('not_found', 'No such task');
      if (cancelled.state !== 'cancelled') throw endedOtherwise(cancelled.state);
      const message =
        cancelled.runs > 0 ? `Task '${id}' was cancelled` : `Task '${id}' had been cancelled before`;
      return { task_id: id, status: 'cancelled' as const, message };
    }),
    handle(routes.deleteTask, async ({ params: { id }, caller }) => {
      const { organisationId } = await requireTask(database, id, caller);
      const { removed } = await deleteExecution(database, id, organisationId, 'task');
      return { task_id: id, removed };
    }),
  ];
}

function endedOtherwise(state: string) {
  const how = state === 'succeeded' ? 'finished' : state;
  return apiError('conflict', `The task is ${how} and can no longer be cancelled`);
}

async function detailOf({ database, pools }: TaskRoutesDependencies, task: StoredTask): Promise<TaskDetail> {
  const { progress, error } = statusAnswer(task);
  const warning = isTerminal(task.state) ? undefined : warningOf(pools, task);
  const attempts = await readPastAttempts(database, task.id);
  return {
    ...summaryOf(task),
    ...(await readParticulars(database, task.id)),
    ...{ progress, error },
    past_attempts: attempts.map(({ epoch: _epoch, ...attempt }) => attempt),
    ...(await waitingOf(database, task)),
    ...(warning === undefined ? {} : { warning }),
  };
}

async function waitingOf(database: Database, task: StoredTask): Promise<Pick<TaskDetail, 'waits_for_limit'>> {
  const limits = await limitsHolding(database, task);
  return limits === undefined ? {} : { waits_for_limit: limits };
}

interface ResultQuestion {
  readonly id: string;
  readonly caller: Caller;
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** The waiting begins before it is looked whether there is anything to wait for, so that no end goes unheard. */
async function resultOf(
  { database, store, waiters }: TaskRoutesDependencies,
  { id, caller, waitMs, signal }: ResultQuestion,
): Promise<TaskResult> {
  const enough = new AbortController();
  const waited = waitMs > 0 ? waiters.wait(id, waitMs, AbortSignal.any([signal, enough.signal])) : null;
  try {
    let task = await readTaskWithResult(database, id, caller);
    if (waited !== null && !isTerminal(task.state)) {
      await waited;
      task = await readTaskWithResult(database, id, caller);
    }
    return { ...statusAnswer(task), ...(await resultAnswer(store, task)) };
  } finally {
    enough.abort();
  }
}
