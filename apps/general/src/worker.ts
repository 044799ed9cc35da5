import { fileURLToPath } from 'node:url';
import { coreWorker, withOrigin, type WorkerSpec } from '@longshore/tasks';
import { exampleDataProcessing } from './example-data-processing.ts';
import { exampleFailing } from './example-failing.ts';
import { exampleLongRunning } from './example-long-running.ts';
import { createFinishPipeline } from './pipelines/finish-pipeline.ts';
import { pipelineMeans } from './pipelines/pipeline-settings.ts';
import { createPlanPipeline } from './pipelines/plan-pipeline.ts';
import { createDeliverWebhook } from './webhooks/deliver-webhook.ts';
import { webhookMeans } from './webhooks/webhook-settings.ts';
import examplePrograms from './programs/example-programs.ts';

/** Where the processes that carry them out load them: from the source in development, beside the bundle in production. */
const EXAMPLE_PROGRAMS = import.meta.url.endsWith('.ts')
  ? './programs/example-programs.ts'
  : './example-programs.js';

/** The worker of pipelines, and of everybody's own tasks. */
export const worker: WorkerSpec = {
  ...coreWorker('general'),
  tasks: ({ step }) => {
    const means = pipelineMeans();
    const pipelines = [createPlanPipeline(means), createFinishPipeline({ ...means, step })];
    const webhooks = createDeliverWebhook(webhookMeans());
    const file = fileURLToPath(new URL(EXAMPLE_PROGRAMS, import.meta.url));
    const programs = examplePrograms.map((task) => withOrigin(task, { file, folders: [] }));
    return [exampleLongRunning, exampleDataProcessing, exampleFailing, ...programs, ...pipelines, webhooks];
  },
  taskFiles: true,
  sparesMainLoop: true,
  heapGrows: true,
};
