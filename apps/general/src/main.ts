import { runWorker } from '@longshore/tasks';
import { exampleDataProcessing } from './example-data-processing.ts';
import { exampleFailing } from './example-failing.ts';
import { exampleLongRunning } from './example-long-running.ts';

await runWorker({
  name: 'general',
  defaultHealthPort: 8081,
  defaultConcurrency: 6,
  tasks: [exampleLongRunning, exampleDataProcessing, exampleFailing],
  taskFiles: true,
});
