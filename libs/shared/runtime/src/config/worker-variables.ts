import { type CoreWorkerName, coreWorkerNames, coreWorkers } from '@longshore/contracts';
import {
  concurrencyBounds,
  folders,
  healthPort,
  list,
  namedCommands,
  queueName,
  queueNames,
  seconds,
  text,
  wholeNumber,
} from './schemas.ts';
import { defaulting, optional } from './variable.ts';

function healthPortOf(worker: CoreWorkerName) {
  return defaulting(`${coreWorkers[worker].healthPort}+`, {
    env: `${upperCased(worker)}_HEALTH_PORT`,
    schema: healthPort,
    range: '0 to 65535 insists on that port (0 takes any); with a + behind it, that or the next free one',
    help: `The port of the health server of the ${worker} worker.`,
    readBy: [worker],
  });
}

function autoscaleOf(worker: CoreWorkerName) {
  const { min, max } = coreWorkers[worker].slots;
  return optional({
    env: `${upperCased(worker)}_AUTOSCALE`,
    schema: concurrencyBounds,
    range: 'max,min: two numbers from 1 to 1000',
    help: `How many runs at once a ${worker} process may go up to with work waiting, and comes back to when idle; ${max},${min} when neither this nor WORKER_CONCURRENCY is set.`,
    readBy: [worker],
  });
}

function upperCased(worker: CoreWorkerName): string {
  return worker.replaceAll('-', '_').toUpperCase();
}

/** The key of a worker's own variable: `fileProcessingHealthPort` for `file-processing`. */
type OwnKey<Ending extends string> = `${CamelCase<CoreWorkerName>}${Ending}`;
type CamelCase<Name extends string> = Name extends `${infer First}-${infer Rest}`
  ? `${First}${Capitalize<CamelCase<Rest>>}`
  : Name;

function ofEachWorker<Ending extends string, T>(ending: Ending, variableOf: (worker: CoreWorkerName) => T) {
  const entries = coreWorkerNames.map((worker) => {
    const camelCased = worker.replace(/-(.)/g, (_dash, letter: string) => letter.toUpperCase());
    return [`${camelCased}${ending}`, variableOf(worker)] as const;
  });
  return Object.fromEntries(entries) as Record<OwnKey<Ending>, T>;
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
    help: 'How many runs a worker process executes at once, however much waits. Without it each worker moves between bounds of its own.',
    readBy: ['worker'],
  }),
  workerCount: defaulting('1', {
    env: 'WORKER_COUNT',
    schema: wholeNumber(1, 20),
    range: '1 to 20',
    help: 'How many processes of a worker are run and kept running; more than one share one health server.',
    readBy: ['worker'],
  }),
  workerIndex: optional({
    env: 'LONGSHORE_WORKER_INDEX',
    schema: wholeNumber(1, 20),
    range: '1 to 20',
    help: 'Which of WORKER_COUNT processes this is; set by the process that started it.',
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
  submissionTestCommands: defaulting('', {
    env: 'SUBMISSION_TEST_COMMANDS',
    schema: namedCommands,
    range: '`name=program arguments`, several separated by semicolons',
    help:
      'What the task `submission_test` may run on submitted files, such as `python=python3 -m unittest -v`. Whoever may submit tasks ' +
      'then runs code as the user of this worker. Nothing when not set.',
    readBy: ['general'],
  }),
  sessionTimeoutMs: defaulting('15', {
    env: 'SESSION_TIMEOUT',
    schema: seconds(1, 3600),
    range: '1 to 3600 seconds',
    help: 'A worker that was not heard of for so long is given up, and its runs are given to others.',
    readBy: ['backend'],
  }),
  ...ofEachWorker('HealthPort', healthPortOf),
  ...ofEachWorker('Autoscale', autoscaleOf),
} as const;
