import { systemClock, type Logger } from '@longshore/runtime';
import type { FileStore } from '../files/file-store.ts';
import type { MountedRoute } from '../http/server.ts';
import type { Model } from '../model.ts';
import type { PeriodicWork } from '../periodic.ts';
import type { Database } from '../store/database.ts';
import { retryTask, type RetryOrder } from './retry-task.ts';
import { createAcceptTask, type Accepted } from './submission.ts';
import { createSubmit, forgetOldTaskKeys } from './submit.ts';
import { submitRoutes } from './submit-routes.ts';
import { taskRoutes } from './task-routes.ts';
import { createTaskTypes } from './task-types.ts';

export interface TasksDependencies {
  readonly database: Database;
  readonly store: FileStore;
  readonly model: Model;
  readonly brokerUrl: string;
  /** Resolves when the broker answers. */
  readonly pingBroker: () => Promise<void>;
  readonly logger: Logger;
  readonly stopping: AbortSignal;
}

/** Runs a task again, for a replay of many. */
export type RetryTask = (order: RetryOrder) => Promise<Accepted | null>;

/** Composes tasks over HTTP: their routes, their periodic work, and how one is run again. */
export function createTasks(dependencies: TasksDependencies): {
  readonly routes: MountedRoute[];
  readonly work: PeriodicWork[];
  readonly retry: RetryTask;
} {
  const { database, model } = dependencies;
  const { pools, waitingRuns, taskWatch: watch } = model;
  const types = createTaskTypes({ ...dependencies, clock: systemClock });
  const acceptTask = createAcceptTask({
    types,
    pools,
    waitingRuns,
    submit: createSubmit({ database, ...model }),
  });
  return {
    // Addresses with fixed names come first: `/tasks/types` would be an id otherwise.
    routes: [
      ...submitRoutes({ ...dependencies, types, pools, acceptTask }),
      ...taskRoutes({ ...dependencies, ...model, watch, clock: systemClock }),
    ],
    work: [
      { label: 'task watch', everyMs: 500, run: watch.poll },
      { label: 'task keys', everyMs: 3_600_000, run: () => forgetOldTaskKeys(database) },
    ],
    retry: (order) => retryTask({ database, acceptTask }, order),
  };
}
