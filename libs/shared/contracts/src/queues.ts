/** Logical queues that the core workers serve, strictly in the listed order. Any task may name further ones. */
export const coreWorkers = Object.freeze({
  'api-deployment': { queues: ['api_deployments'] },
  general: { queues: ['general', 'high_priority', 'default', 'low_priority'] },
  'file-processing': { queues: ['api_file_processing', 'file_processing'] },
  callback: { queues: ['api_file_processing_callback', 'file_processing_callback'] },
} as const);

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
