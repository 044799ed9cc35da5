import { runWorker } from '@longshore/tasks';
import { exampleDataProcessing } from './example-data-processing.ts';
import { exampleFailing } from './example-failing.ts';
import { exampleLongRunning } from './example-long-running.ts';
import { createFinishPipeline } from './pipelines/finish-pipeline.ts';
import { pipelineMeans } from './pipelines/pipeline-settings.ts';
import { createPlanPipeline } from './pipelines/plan-pipeline.ts';

await runWorker({
  name: 'general',
  defaultHealthPort: 8081,
  defaultConcurrency: 6,
  tasks: () => {
    const means = pipelineMeans();
    const pipelines = [createPlanPipeline(means), createFinishPipeline(means.folders)];
    return [exampleLongRunning, exampleDataProcessing, exampleFailing, ...pipelines];
  },
  taskFiles: true,
});
