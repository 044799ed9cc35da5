import { systemClock, type Logger } from '@longshore/runtime';
import type { BackendConfig } from '../config.ts';
import type { Notifications } from '../events/notifications.ts';
import type { MountedRoute } from '../http/server.ts';
import type { Model } from '../model.ts';
import type { PeriodicWork } from '../periodic.ts';
import type { Database } from '../store/database.ts';
import { createTaskTypes } from '../tasks/task-types.ts';
import { createCheckSchedule, type CheckSchedule } from './check-schedule.ts';
import { forgetOldFirings } from './firings.ts';
import { startFiring } from './firing-work.ts';
import { createMakeRuns } from './new-runs.ts';
import { scheduleRoutes } from './schedule-routes.ts';

export interface SchedulesDependencies {
  readonly config: BackendConfig;
  readonly database: Database;
  readonly model: Model;
  readonly notifications: Pick<Notifications, 'on'>;
  readonly logger: Logger;
}

const HOUR_MS = 3_600_000;

/** Composes schedules: their routes, their periodic work, and firing, which begins at once and goes on until `stop`. */
export function createSchedules({ config, database, model, notifications, logger }: SchedulesDependencies): {
  readonly routes: MountedRoute[];
  readonly work: PeriodicWork[];
  readonly check: CheckSchedule;
  readonly stop: () => Promise<void>;
} {
  const types = createTaskTypes({ database, clock: systemClock, logger });
  const check = createCheckSchedule(types);
  const makeRuns = createMakeRuns({ ...model, database, limits: config, remember: model.contexts.remember });
  const { cancel, waitingRuns, pools } = model;
  const firing = startFiring({ database, makeRuns, cancel, waitingRuns, clock: systemClock, logger });
  notifications.on('longshore_schedules', { heard: firing.wake, missed: firing.wake });
  return {
    routes: scheduleRoutes({ database, types, pools, check, makeRuns }),
    work: [
      {
        label: 'history of schedules',
        everyMs: HOUR_MS,
        run: () => forgetOldFirings(database, config.retainHistoryDays),
      },
    ],
    check,
    stop: firing.stop,
  };
}
