import { hostname } from 'node:os';
import type { BackendClient } from '@longshore/api-client';
import { createBackendClient } from '@longshore/api-client';
import type { Consumer } from '@longshore/broker';
import { BrokerConfigurationError, createConsumer, waitForBroker } from '@longshore/broker';
import type { SkippedTaskFile } from '@longshore/contracts';
import { retry, systemClock } from '@longshore/runtime';
import type { HealthChecks, Lifecycle, Logger, Metrics, Tracing } from '@longshore/runtime';
import type { Task } from '../definition/define-task.ts';
import type { TaskSet } from '../definition/task-set.ts';
import { createTaskSet } from '../definition/task-set.ts';
import { createRunnerMetrics } from '../execution/runner-metrics.ts';
import type { Runner } from '../execution/runner.ts';
import { createRunner } from '../execution/runner.ts';
import type { Heartbeat } from '../session/heartbeat.ts';
import { startHeartbeat } from '../session/heartbeat.ts';
import { createIsolates } from '../isolation/isolates.ts';
import type { RegisteredSession, Sessions } from '../session/sessions.ts';
import { createSessions } from '../session/sessions.ts';
import { waitForBackend } from '../session/wait-for-backend.ts';
import type { Autoscaler } from './autoscaler.ts';
import { createAutoscaler } from './autoscaler.ts';
import type { Exposed } from './expose-health.ts';
import { HardLimitError } from './hard-limit-error.ts';
import { lasting, stopWork } from './stop-work.ts';
import type { WorkerConfig, WorkerDefaults } from './worker-config.ts';
import { workerHealth } from './worker-health.ts';
import { stepsOf, withTracing } from './worker-tracing.ts';

/** What a worker app can use to make its tasks. */
export interface WorkerMeans {
  readonly logger: Logger;
  /** Runs at once at most. */
  readonly concurrency: number;
  /** Registers how to end something that the tasks need; ended after the last run. */
  onStop(label: string, step: () => Promise<void> | void): void;
  /** Does what `act` does, as a part of the run that is at work: traces show how long it took. */
  step<T>(name: string, act: () => Promise<T>): Promise<T>;
}

/** A worker app in one object. */
export interface WorkerSpec extends WorkerDefaults {
  readonly tasks: readonly Task[] | ((means: WorkerMeans) => readonly Task[]);
  /** Whether it also registers the task files of TASKS_DIR. Default false. */
  readonly taskFiles?: boolean;
  /**
   * None of its `tasks` holds the main loop for longer than a moment, whatever its input: the session is then renewed from there, which saves
   * a thread. Default false. Those of task files are never trusted with that.
   */
  readonly sparesMainLoop?: boolean;
  /** Speed goes before memory once it has work: the heap of its bundle is small only until then. Default false. */
  readonly heapGrows?: boolean;
}

export interface StartOptions {
  spec: WorkerSpec;
  config: WorkerConfig;
  logger: Logger;
  lifecycle: Lifecycle;
  metrics: Metrics;
  /** Opened here, where it is configured. */
  tracing?: Tracing;
  /** Makes it known how the worker is, from now until it has stopped. Resolves to the port where that is to be had, and whose that is. */
  expose: (checks: HealthChecks) => Promise<Exposed>;
  /** A run is past its hard limit and goes on. `isStuck`: in a thread that even the end of this process would wait for. */
  onHardLimit: (isStuck: boolean) => void;
}

/**
 * Starts a worker: health server, broker, backend, tasks, session, consumer, in this order. Stops it in reverse: takes
 * nothing new, waits, gives back what is left at the deadline, says goodbye.
 */
export async function startWorker(given: StartOptions): Promise<void> {
  const options = await withTracing(given);
  const { config, logger, lifecycle, tracing } = options;
  const { brokerUrl, baseUrl, serviceKey } = config;
  const { signal } = lifecycle;
  const parts: Parts = {};
  const health = await options.expose(checksOf(options, parts));

  parts.waitsFor = 'the broker';
  const markSeen = await waitForBroker({ brokerUrl, logger, signal });
  const client = createBackendClient({ baseUrl, serviceKey, logger });
  lifecycle.onStop('backend client', () => client.close());
  const onRefusal = (refusal: string | undefined) => (parts.refusal = refusal);
  const onWait = (reason: string) => (parts.waitsFor = reason);
  await waitForBackend({ client, baseUrl, brokerUrl, markSeen, logger, signal, onRefusal, onWait });
  parts.waitsFor = undefined;

  const tasks = await loadTasks(options, parts);
  logger.info(`Registered ${tasks.names.length} task types: [${tasks.names.join(', ')}]`);
  const runnerMetrics = createRunnerMetrics(options.metrics, () => parts.runner?.state().activeRuns ?? 0);
  const isolates = createIsolates({ most: options.config.concurrency });
  lifecycle.onStop('threads and processes of runs', () => isolates.close());
  const runner = createRunner({
    ...{
      tasks,
      isolated: isolates.work,
      client,
      logger,
      metrics: runnerMetrics,
      clock: systemClock,
      slots: options.config.concurrency,
      tracing,
    },
    onChange: () => {
      parts.scaler?.look();
      tellHeartbeat(options, parts);
    },
    onHardLimit: (run) => {
      options.onHardLimit(tasks.get(run.task)?.descriptor.isolation === 'thread');
      parts.hardLimit = true;
      lifecycle.fail(new HardLimitError(run));
    },
  });
  parts.runner = runner;
  parts.scaler = startAutoscaler(options, parts);
  signal.addEventListener('abort', () => tellHeartbeat(options, parts), { once: true });
  await startSessions(options, parts, { client, tasks, health });
}

/** What comes into being on the way; the health server is asked from the first moment on. */
interface Parts {
  runner?: Runner;
  scaler?: Autoscaler;
  sessions?: Sessions;
  heartbeat?: Heartbeat;
  heartbeatOn?: 'thread' | 'loop';
  consumer?: Consumer;
  /** The broker queue of the pool, once it is known. */
  brokerQueue?: string;
  hardLimit?: boolean;
  /** What it cannot begin without, and is not there. */
  waitsFor?: string | undefined;
  /** Why there is no session to begin with. */
  refusal?: string | undefined;
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
};

function times() {
  return { lastClaimAt: undefined, lastFreedAt: undefined, hardDeadline: undefined };
}

function checksOf({ config, lifecycle }: StartOptions, parts: Parts): HealthChecks {
  const { queues } = config;
  return workerHealth(
    () => ({
      ...{ concurrency: slotsNow(config, parts), queues, stopping: lifecycle.stopping },
      runner: parts.runner?.state() ?? NO_WORK,
      session: parts.sessions?.state() ?? { ...NO_SESSION, refusal: parts.refusal },
      consumer: parts.consumer?.state(),
      skippedTaskFiles: parts.skippedTaskFiles ?? [],
      waitsFor: parts.waitsFor,
    }),
    systemClock,
  );
}

function slotsNow({ minConcurrency }: WorkerConfig, { scaler }: Parts): number {
  return scaler?.concurrency ?? minConcurrency;
}

const LOOK_EVERY_MS = 1_000;

/** Slots follow the work: the consumer takes as much, and the backend hears of it at once. */
function startAutoscaler(options: StartOptions, parts: Parts): Autoscaler {
  const { minConcurrency: min, concurrency: max } = options.config;
  const scaler = createAutoscaler({
    ...{ min, max, clock: systemClock },
    facts: () => ({
      busySlots: parts.runner?.state().busySlots ?? 0,
      dispatched: parts.sessions?.state().dispatched ?? 0,
    }),
    onChange: (concurrency) => {
      options.logger.info('slots changed', { concurrency });
      parts.consumer?.setConcurrency(concurrency);
      tellHeartbeat(options, parts);
    },
  });
  if (min === max) return scaler;
  const looking = setInterval(() => scaler.look(), LOOK_EVERY_MS);
  options.lifecycle.onStop('autoscaler', () => clearInterval(looking));
  return scaler;
}

async function loadTasks(options: StartOptions, parts: Parts): Promise<TaskSet> {
  const { spec, config, logger, lifecycle, tracing } = options;
  const { concurrency, taskFolders, taskGroups: groups } = config;
  const onStop: WorkerMeans['onStop'] = (label, step) => lifecycle.onStop(label, step);
  const means: WorkerMeans = { logger, concurrency, onStop, step: stepsOf(tracing) };
  const own = typeof spec.tasks === 'function' ? spec.tasks(means) : spec.tasks;
  const { tasks, skipped } =
    spec.taskFiles === true && taskFolders.length > 0
      ? await (await import('./task-folders.ts')).loadTaskFolders(taskFolders, logger)
      : { tasks: [], skipped: [] };
  parts.skippedTaskFiles = skipped.slice(0, MOST_SKIPPED);
  const foreign = tasks.some(({ descriptor }) => descriptor.isolation === 'inline');
  parts.heartbeatOn = spec.sparesMainLoop === true && !foreign ? 'loop' : 'thread';
  return createTaskSet({ tasks: [...own, ...tasks], groups, logger });
}

async function startSessions(
  options: StartOptions,
  parts: Parts,
  { client, tasks, health }: { client: BackendClient; tasks: TaskSet; health: Exposed },
): Promise<void> {
  const { spec, config, logger, lifecycle } = options;
  const { instance, queues, baseUrl, serviceKey } = config;
  const heartbeat = startHeartbeat({
    ...{ worker: spec.name, baseUrl, serviceKey, concurrency: slotsNow(config, parts) },
    onMessage: (message) => {
      parts.sessions?.hear(message);
      parts.scaler?.look();
    },
    onDeath: (error) => lifecycle.fail(error),
    where: parts.heartbeatOn ?? 'thread',
    health: health.server,
    onMove: (heldUpMs) =>
      logger.warn('main loop was held up, the heartbeat gets a thread', { held_up_ms: Math.round(heldUpMs) }),
  });
  parts.heartbeat = heartbeat;
  lifecycle.onStop('heartbeat', () => heartbeat.stop());
  const sessions = createSessions({
    ...{ client, heartbeat, logger, clock: systemClock },
    request: {
      ...{ worker: spec.name, instance, hostname: hostname(), pid: process.pid },
      ...{ queues: [...queues], tasks: [...tasks.descriptors], health_port: health.port },
      skipped_task_files: [...(parts.skippedTaskFiles ?? [])],
      // Asked anew at each registration.
      get concurrency() {
        return slotsNow(config, parts);
      },
    },
    onSession: (session) =>
      void useSession(session, options, parts).catch((error: unknown) => {
        // Whoever stops has no use for a session that has just begun.
        if (error !== lifecycle.signal.reason) lifecycle.fail(error);
      }),
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
  const atPort = parts.heartbeat?.atPort;
  if (atPort !== undefined) parts.waitsFor = 'the thread that answers at its health port';
  const { brokerUrl } = config;
  const concurrency = slotsNow(config, parts);
  const { brokerQueue } = session;
  const handle = runner.handle;
  const consumer = createConsumer({ brokerUrl, brokerQueue, concurrency, logger, handle });
  parts.consumer = consumer;
  await retry(() => consumer.start(), {
    signal: lifecycle.signal,
    shouldRetry: (error) => !(error instanceof BrokerConfigurationError),
  });
  await atPort;
  parts.waitsFor = undefined;
  logger.info('worker takes work', { queues: config.queues, broker_queue: brokerQueue, concurrency });
}

function tellHeartbeat({ config, lifecycle }: StartOptions, parts: Parts): void {
  const { runner, heartbeat } = parts;
  if (runner === undefined || heartbeat === undefined) return;
  const { busySlots, hardDeadline } = runner.state();
  const slots = { concurrency: slotsNow(config, parts), mostConcurrency: config.concurrency };
  heartbeat.tell({ active: busySlots, ...slots, hardDeadline, draining: lifecycle.stopping });
}
