import { folders, healthPort, list, queueName, queueNames, seconds, text, wholeNumber } from './schemas.ts';
import type { ProcessName } from './variable.ts';
import { defaulting, optional } from './variable.ts';

function healthPortOf(worker: ProcessName, env: string, value: number) {
  return defaulting(`${value}+`, {
    env,
    schema: healthPort,
    range: '0 to 65535 insists on that port (0 takes any); with a + behind it, that or the next free one',
    help: `The port of the health server of the ${worker} worker.`,
    readBy: [worker],
  });
}

/** What a worker takes, how much of it at once, and where it can be asked how it is. */
export const workerVariables = {
  workerName: optional({
    env: 'WORKER_NAME',
    schema: text.regex(/^[\w.-]{1,100}$/, 'is not a name'),
    range: 'up to 100 letters, digits, dots, dashes and underscores',
    help: 'The name of this worker process; made from the host name when not set.',
    readBy: ['worker'],
  }),
  workerConcurrency: optional({
    env: 'WORKER_CONCURRENCY',
    schema: wholeNumber(1, 1000),
    range: '1 to 1000',
    help: 'How many runs a worker process executes at once; each worker has its own default.',
    readBy: ['worker'],
  }),
  taskQueues: defaulting('', {
    env: 'TASK_QUEUES',
    schema: queueNames,
    range: 'queue names separated by commas',
    help: 'The queues a worker drains, strictly in this order; goes before QUEUE_NAME.',
    readBy: ['worker'],
  }),
  queueName: optional({
    env: 'QUEUE_NAME',
    schema: queueName,
    range: 'one queue name',
    help: 'The one queue a worker drains, when TASK_QUEUES is not set; each worker has its own default.',
    readBy: ['worker'],
  }),
  taskGroups: defaulting('', {
    env: 'TASK_GROUPS',
    schema: list,
    range: 'group names separated by commas',
    help: 'The groups of tasks a worker registers; all when not set.',
    readBy: ['worker'],
    aliases: ['ACTION_GROUPS'],
  }),
  taskFolders: defaulting('', {
    env: 'TASKS_DIR',
    schema: folders,
    range: 'folders separated by commas, or as in PATH',
    help: 'The folders with task files of your own; see docs/tasks.md.',
    readBy: ['general', 'cli'],
  }),
  sessionTimeoutMs: defaulting('15', {
    env: 'SESSION_TIMEOUT',
    schema: seconds(1, 3600),
    range: '1 to 3600 seconds',
    help: 'A worker that was not heard of for so long is given up, and its runs are given to others.',
    readBy: ['backend'],
  }),
  apiDeploymentHealthPort: healthPortOf('api-deployment', 'API_DEPLOYMENT_HEALTH_PORT', 8080),
  generalHealthPort: healthPortOf('general', 'GENERAL_HEALTH_PORT', 8081),
  fileProcessingHealthPort: healthPortOf('file-processing', 'FILE_PROCESSING_HEALTH_PORT', 8082),
  callbackHealthPort: healthPortOf('callback', 'CALLBACK_HEALTH_PORT', 8083),
} as const;
