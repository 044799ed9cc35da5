import { createBackendClient } from '@longshore/api-client';
import type { Report } from '@longshore/contracts';
import { createMetrics, silentLogger, systemClock } from '@longshore/runtime';
import { z } from 'zod';
import type { Task, TaskDefinition } from '../definition/define-task.ts';
import { defineTask } from '../definition/define-task.ts';
import { createTaskSet } from '../definition/task-set.ts';
import type { InMemoryBackend, RunSpec } from '../in-memory-backend/in-memory-backend.fixture.ts';
import { SERVICE_KEY, startInMemoryBackend } from '../in-memory-backend/in-memory-backend.fixture.ts';
import type { IsolatedWork } from './active-runs.ts';
import { createRunnerMetrics } from './runner-metrics.ts';
import { createRunner, type Runner } from './runner.ts';
import type { Session } from './session-link.ts';

export type Handler = TaskDefinition<z.ZodType>['handler'];

/** Makes runners, each with a fake of the backend's contract, and puts them away after each test. */
export function runnersOfTest(afterEach: (act: () => Promise<void>) => void) {
  const cleanups: (() => Promise<unknown> | unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
  const withTasks = async (
    tasks: readonly Task[],
    isolated: IsolatedWork = notHere,
    longParcelMs: number = FAR_AWAY_MS,
  ) => {
    const backend = await startInMemoryBackend();
    cleanups.push(() => backend.close());
    return { ...(await runnerOn(backend, tasks, { isolated, longParcelMs, cleanups })), backend };
  };
  /** A runner with one task called `work`, whose handler is the test's. */
  const withHandler = (handler: Handler, definition: Partial<TaskDefinition<z.ZodType>> = {}) =>
    withTasks([defineTask({ name: 'work', description: '', input: z.unknown(), ...definition, handler })]);
  return { withTasks, withHandler };
}

/** No parcel of a test takes so long. */
const FAR_AWAY_MS = 600_000;

interface RunnerMeans {
  readonly isolated: IsolatedWork;
  readonly longParcelMs: number;
  readonly cleanups: (() => unknown)[];
}

async function runnerOn(
  backend: InMemoryBackend,
  given: readonly Task[],
  { isolated, longParcelMs, cleanups }: RunnerMeans,
) {
  const logger = silentLogger();
  const { baseUrl } = backend;
  const client = createBackendClient({ baseUrl, serviceKey: SERVICE_KEY, logger, random: () => 0.01 });
  cleanups.push(() => client.close());
  const tasks = createTaskSet({ tasks: given, groups: [], logger });
  const overdue: string[] = [];
  const impatient = createRunner({
    ...{ tasks, isolated, client, logger, clock: systemClock, random: () => 0.5 },
    ...{ slots: 2, longParcelMs },
    metrics: createRunnerMetrics(createMetrics(), () => 0),
    onChange: () => undefined,
    onHardLimit: (run) => overdue.push(run.run_id),
  });
  /** Tests look at what was reported. */
  const runner: Runner = {
    ...impatient,
    handle: async (message) => {
      await impatient.handle(message);
      await impatient.told();
    },
  };
  // What it still has to say would otherwise be tried again and again after its backend is gone.
  cleanups.push(() => runner.stop(AbortSignal.abort()));
  const newSession = async (): Promise<Session> => {
    const session = sessionOf(await register(backend));
    runner.use(session);
    return session;
  };
  const session = await newSession();
  const run = async (spec: Partial<RunSpec> = {}): Promise<Report | undefined> => {
    const message = backend.parcel({ task: given[0]?.descriptor.name ?? '', ...spec });
    await runner.handle(message);
    return backend.reports.find(({ run_id }) => run_id === message.run_ids[0]);
  };
  return { runner, impatient, session, newSession, run, overdue };
}

const notHere: IsolatedWork = () => {
  throw new Error('These tests have no threads and processes of runs');
};

function sessionOf(id: string): Session {
  const controller = new AbortController();
  const lapse = (reason: string): void => controller.abort(new Error(reason));
  return { id, signal: controller.signal, lapse };
}

async function register(backend: InMemoryBackend): Promise<string> {
  const response = await fetch(`${backend.baseUrl}/v1/sessions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${SERVICE_KEY}` },
    body: JSON.stringify({
      ...{ worker: 'test', instance: 'test-1', hostname: 'here', pid: 1, contract_version: 1 },
      ...{ queues: ['default'], tasks: [], concurrency: 4, health_port: null },
    }),
  });
  const { session_id } = (await response.json()) as { session_id: string };
  return session_id;
}
