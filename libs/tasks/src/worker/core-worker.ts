import { type CoreWorkerName, coreWorkers } from '@longshore/contracts';
import type { WorkerDefaults } from './worker-config.ts';

/** What the table of workers says of this one, for `runWorker`. */
export function coreWorker(name: CoreWorkerName): WorkerDefaults {
  const { healthPort, slots } = coreWorkers[name];
  return {
    name,
    defaultHealthPort: healthPort,
    defaultConcurrency: slots.max,
    defaultMinConcurrency: slots.min,
  };
}
