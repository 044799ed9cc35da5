import { runWorker } from '@longshore/tasks';
import { planExecution } from './plan-execution.ts';

await runWorker({
  name: 'api-deployment',
  defaultHealthPort: 8080,
  defaultConcurrency: 4,
  defaultMinConcurrency: 1,
  tasks: [planExecution],
});
