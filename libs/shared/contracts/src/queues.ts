/**
 * The workers, each an app of its own below apps/: the one table of them. `queues`: served strictly in this order; any task may
 * name further ones. `healthPort`: unless its variable says otherwise. `slots`: runs at once, idle and with work waiting.
 */
export const coreWorkers = Object.freeze({
  'api-deployment': { queues: ['api_deployments'], healthPort: 8080, slots: { min: 1, max: 4 } },
  general: {
    queues: ['general', 'high_priority', 'default', 'low_priority'],
    healthPort: 8081,
    slots: { min: 2, max: 6 },
  },
  'file-processing': {
    queues: ['api_file_processing', 'file_processing'],
    healthPort: 8082,
    slots: { min: 1, max: 4 },
  },
  callback: {
    queues: ['api_file_processing_callback', 'file_processing_callback'],
    healthPort: 8083,
    slots: { min: 1, max: 4 },
  },
} as const satisfies Record<string, CoreWorker>);

/** What is known of a worker before it runs. */
interface CoreWorker {
  readonly queues: readonly string[];
  readonly healthPort: number;
  readonly slots: { readonly min: number; readonly max: number };
}

export type CoreWorkerName = keyof typeof coreWorkers;
export const coreWorkerNames = Object.freeze(Object.keys(coreWorkers) as CoreWorkerName[]);

/** The tasks of the document pipeline. */
export const pipelineTasks = Object.freeze({
  plan: 'execution.plan',
  processFile: 'file.process',
  finish: 'execution.finish',
  planPipeline: 'pipeline.plan',
  finishPipeline: 'pipeline.finish',
} as const);

/** Names of queues, pools and tasks: letters, digits, `_`, `-`, `.`; no colon, which BullMQ forbids. */
export const NAME_PATTERN = /^[a-zA-Z][a-zA-Z0-9_.-]{0,99}$/;
