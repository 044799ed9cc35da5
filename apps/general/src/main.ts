import { fileURLToPath } from 'node:url';
import { runWorker, withOrigin } from '@longshore/tasks';
import { exampleDataProcessing } from './example-data-processing.ts';
import { exampleFailing } from './example-failing.ts';
import { exampleLongRunning } from './example-long-running.ts';
import { createFinishPipeline } from './pipelines/finish-pipeline.ts';
import { pipelineMeans } from './pipelines/pipeline-settings.ts';
import { createPlanPipeline } from './pipelines/plan-pipeline.ts';
import examplePrograms from './programs/example-programs.ts';

/** Where the processes that carry them out load them: from the source in development, beside the bundle in production. */
const EXAMPLE_PROGRAMS = import.meta.url.endsWith('.ts')
  ? './programs/example-programs.ts'
  : './example-programs.js';

await runWorker({
  name: 'general',
  defaultHealthPort: 8081,
  defaultConcurrency: 6,
  defaultMinConcurrency: 2,
  tasks: () => {
    const means = pipelineMeans();
    const pipelines = [createPlanPipeline(means), createFinishPipeline(means.folders)];
    const file = fileURLToPath(new URL(EXAMPLE_PROGRAMS, import.meta.url));
    const programs = examplePrograms.map((task) => withOrigin(task, { file, folders: [] }));
    return [exampleLongRunning, exampleDataProcessing, exampleFailing, ...programs, ...pipelines];
  },
  taskFiles: true,
});
