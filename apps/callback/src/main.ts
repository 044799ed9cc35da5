import { runWorker } from '@longshore/tasks';
import { finishExecution } from './finish-execution.ts';

await runWorker({
  name: 'callback',
  defaultHealthPort: 8083,
  defaultConcurrency: 4,
  defaultMinConcurrency: 1,
  tasks: [finishExecution],
});
