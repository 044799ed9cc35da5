import { coreWorker, type WorkerSpec } from '@longshore/tasks';
import { finishExecution } from './finish-execution.ts';

/** The worker that finishes executions. */
export const worker: WorkerSpec = {
  ...coreWorker('callback'),
  tasks: [finishExecution],
  sparesMainLoop: true,
};
