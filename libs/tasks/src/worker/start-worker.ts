import { hostname } from 'node:os';
import type { BackendClient } from '@longshore/api-client';
import { createBackendClient } from '@longshore/api-client';
import type { Consumer } from '@longshore/broker';
import { BrokerConfigurationError, createConsumer, waitForBroker } from '@longshore/broker';
import type { ClaimedRun, SkippedTaskFile } from '@longshore/contracts';
import { routes } from '@longshore/contracts';
import { createHealthServer, createMetrics, retry, systemClock, waitUntil } from '@longshore/runtime';
import type { Lifecycle, Logger } from '@longshore/runtime';
import type { Task } from '../definition/define-task.ts';
import { loadTaskFiles } from '../definition/load-task-files.ts';
import { shareModules } from '../definition/shared-modules.ts';
import type { TaskSet } from '../definition/task-set.ts';
import { createTaskSet } from '../definition/task-set.ts';
import { createRunnerMetrics } from '../execution/runner-metrics.ts';
import type { Runner } from '../execution/runner.ts';
import { createRunner } from '../execution/runner.ts';
import type { Heartbeat } from '../session/heartbeat.ts';
import { startHeartbeat } from '../session/heartbeat.ts';
import type { RegisteredSession, Sessions } from '../session/sessions.ts';
import { createSessions } from '../session/sessions.ts';
import type { WorkerConfig, WorkerDefaults } from './worker-config.ts';
import { workerHealth } from './worker-health.ts';

/** What a worker app can use to make its tasks. */
export interface WorkerMeans {
  readonly logger: Logger;
  readonly concurrency: number;
  /** Registers how to end something that the tasks need; ended after the last run. */
  onStop(label: string, step: () => Promise<void> | void): void;
}

/** A worker app in one object. */
export interface WorkerSpec extends WorkerDefaults {
  readonly tasks: readonly Task[] | ((means: WorkerMeans) => readonly Task[]);
  /** Whether it also registers the task files of TASKS_DIR. Default false. */
  readonly taskFiles?: boolean;
}

export interface StartOptions {
  spec: WorkerSpec;
  config: WorkerConfig;
  logger: Logger;
  lifecycle: Lifecycle;
  onHardLimit: () => void;
}

const BACKEND_EVERY_MS = 5_000;

/**
 * Starts a worker: health server, broker, backend, tasks, session, consumer, in this order. Stops it in reverse: takes
 * nothing new, waits, gives back what is left at the deadline, says goodbye.
 */
export async function startWorker(options: StartOptions): Promise<void> {
  const { spec, config, logger, lifecycle } = options;
  const { brokerUrl, baseUrl, serviceKey } = config;
  const { signal } = lifecycle;
  const parts: Parts = {};
  const metrics = createMetrics({ worker: spec.name });
  const healthPort = await startHealth(options, parts, metrics);

  await waitForBroker({ brokerUrl, logger, signal });
  const client = createBackendClient({ baseUrl, serviceKey, logger });
  lifecycle.onStop('backend client', () => client.close());
  const ask = () => client.call(routes.internalHealth, { attempts: 1 });
  await waitUntil(`the backend at ${baseUrl}`, ask, { everyMs: BACKEND_EVERY_MS, signal, logger });

  const tasks = await loadTasks(options, parts);
  const runnerMetrics = createRunnerMetrics(metrics, () => parts.runner?.state().activeRuns ?? 0);
  const runner = createRunner({
    ...{ tasks, client, logger, metrics: runnerMetrics, clock: systemClock },
    onChange: () => tellHeartbeat(parts, lifecycle),
    onHardLimit: (run) => {
      options.onHardLimit();
      parts.hardLimit = true;
      lifecycle.fail(new HardLimitError(run));
    },
  });
  parts.runner = runner;
  signal.addEventListener('abort', () => tellHeartbeat(parts, lifecycle), { once: true });
  await startSessions(options, parts, { client, tasks, healthPort });
  logger.info(`Registered ${tasks.names.length} task types: [${tasks.names.join(', ')}]`);
}

/** What comes into being on the way; the health server is asked from the first moment on. */
interface Parts {
  runner?: Runner;
  sessions?: Sessions;
  heartbeat?: Heartbeat;
  consumer?: Consumer;
  /** The broker queue of the pool, once it is known. */
  brokerQueue?: string;
  hardLimit?: boolean;
  /** What was not loaded of TASKS_DIR. */
  skippedTaskFiles?: readonly SkippedTaskFile[];
}

/** More are not told; the log has them all. */
const MOST_SKIPPED = 100;

const NO_WORK = { busySlots: 0, activeRuns: 0, processedRuns: 0, ...times() };
const NO_SESSION = {
  sessionId: undefined,
  dispatched: 0,
  noneDispatchedAt: 0,
  timesDispatched: 0,
  refusal: undefined,
};

function times() {
  return { lastClaimAt: undefined, lastFreedAt: undefined, hardDeadline: undefined };
}

async function startHealth(
  { spec, config, logger, lifecycle }: StartOptions,
  parts: Parts,
  metrics: ReturnType<typeof createMetrics>,
): Promise<number> {
  const { concurrency, queues, host, healthPort: port } = config;
  const checks = workerHealth(
    () => ({
      ...{ concurrency, queues, stopping: lifecycle.stopping },
      runner: parts.runner?.state() ?? NO_WORK,
      session: parts.sessions?.state() ?? NO_SESSION,
      consumer: parts.consumer?.state(),
      skippedTaskFiles: parts.skippedTaskFiles ?? [],
    }),
    systemClock,
  );
  const server = await createHealthServer({ worker: spec.name, host, port, checks, metrics, logger });
  lifecycle.onStop('health server', () => server.close());
  return server.port;
}

async function loadTasks(options: StartOptions, parts: Parts): Promise<TaskSet> {
  const { spec, config, logger, lifecycle } = options;
  const { concurrency, taskFolders, taskGroups: groups } = config;
  const onStop: WorkerMeans['onStop'] = (label, step) => lifecycle.onStop(label, step);
  const own = typeof spec.tasks === 'function' ? spec.tasks({ logger, concurrency, onStop }) : spec.tasks;
  const { tasks, skipped } = await loadTaskFiles(spec.taskFiles ? taskFolders : [], {
    logger,
    share: shareModules,
  });
  parts.skippedTaskFiles = skipped.slice(0, MOST_SKIPPED);
  return createTaskSet({ tasks: [...own, ...tasks], groups, logger });
}

async function startSessions(
  options: StartOptions,
  parts: Parts,
  { client, tasks, healthPort }: { client: BackendClient; tasks: TaskSet; healthPort: number },
): Promise<void> {
  const { spec, config, logger, lifecycle } = options;
  const { instance, queues, concurrency, baseUrl, serviceKey } = config;
  const heartbeat = startHeartbeat({
    ...{ worker: spec.name, baseUrl, serviceKey },
    onMessage: (message) => parts.sessions?.hear(message),
    onDeath: (error) => lifecycle.fail(error),
  });
  parts.heartbeat = heartbeat;
  lifecycle.onStop('heartbeat', () => heartbeat.stop());
  const sessions = createSessions({
    ...{ client, heartbeat, logger, clock: systemClock },
    request: {
      ...{ worker: spec.name, instance, hostname: hostname(), pid: process.pid },
      ...{ queues: [...queues], tasks: [...tasks.descriptors], concurrency, health_port: healthPort },
      skipped_task_files: [...(parts.skippedTaskFiles ?? [])],
    },
    onSession: (session) =>
      void useSession(session, options, parts).catch((error: unknown) => lifecycle.fail(error)),
    onCancelled: (runs) => parts.runner?.cancel(runs),
    onFailure: (error) => lifecycle.fail(error),
  });
  parts.sessions = sessions;
  lifecycle.onStop('session', (deadline) => sessions.end(lasting(deadline)));
  lifecycle.onStop('work', (deadline) => stopWork(parts, deadline));
  await sessions.start();
}

/** The first session opens the consumer; those that follow a lapse go on with it. */
async function useSession(session: RegisteredSession, options: StartOptions, parts: Parts): Promise<void> {
  const { config, logger, lifecycle } = options;
  const { runner } = parts;
  if (runner === undefined) return;
  runner.use(session);
  if (parts.brokerQueue === session.brokerQueue) return;
  if (parts.brokerQueue !== undefined) throw new Error('The backend moved this worker to another pool');
  parts.brokerQueue = session.brokerQueue;
  const { brokerUrl, concurrency } = config;
  const { brokerQueue } = session;
  const handle = runner.handle;
  const consumer = createConsumer({ brokerUrl, brokerQueue, concurrency, logger, handle });
  parts.consumer = consumer;
  await retry(() => consumer.start(), {
    signal: lifecycle.signal,
    shouldRetry: (error) => !(error instanceof BrokerConfigurationError),
  });
  logger.info('worker takes work', { queues: config.queues, broker_queue: brokerQueue, concurrency });
}

async function stopWork(parts: Parts, deadline: AbortSignal): Promise<void> {
  const { consumer, runner } = parts;
  consumer?.pause();
  // A handler that cannot be stopped has had its time; the others shall not wait for a restart that is needed now.
  await runner?.stop(parts.hardLimit === true ? AbortSignal.abort() : deadline);
  await consumer?.close(AbortSignal.timeout(CLOSE_WITHIN_MS));
}

const CLOSE_WITHIN_MS = 1_000;

/** The deadline has often passed when goodbye is said; that still deserves a moment. */
function lasting(deadline: AbortSignal): AbortSignal {
  return deadline.aborted ? AbortSignal.timeout(CLOSE_WITHIN_MS) : deadline;
}

function tellHeartbeat({ runner, heartbeat }: Parts, { stopping }: Lifecycle): void {
  if (runner === undefined || heartbeat === undefined) return;
  const { busySlots, hardDeadline } = runner.state();
  heartbeat.tell({ active: busySlots, hardDeadline, draining: stopping });
}

/** A handler did not end within its hard limit, and inside this process nothing can make it. */
class HardLimitError extends Error {
  override readonly name = 'HardLimitError';

  constructor({ run_id, task, hard_limit_ms }: ClaimedRun) {
    super(
      `The run ${run_id} of ${task} did not end within ${hard_limit_ms / 1000} s: this process starts anew`,
    );
  }
}
