import { coreWorker, type WorkerSpec } from '@longshore/tasks';
import { planExecution } from './plan-execution.ts';

/** The worker that plans executions. */
export const worker: WorkerSpec = {
  ...coreWorker('api-deployment'),
  tasks: [planExecution],
  sparesMainLoop: true,
};
