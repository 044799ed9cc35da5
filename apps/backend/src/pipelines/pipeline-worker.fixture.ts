import { createConsumer } from '@longshore/broker';
import {
  pipelineTasks,
  type ClaimedRun,
  type ClaimResponse,
  type DispatchMessage,
  type RegisterSessionResponse,
  type Report,
  type TakenFile,
} from '@longshore/contracts';
import { silentLogger } from '@longshore/runtime';
import type { HttpBackend } from '../testing/http-backend.ts';
import { workerCall, type WorkerCall } from '../testing/http-worker.ts';

type Without<T> = T extends unknown ? Omit<T, 'run_id' | 'epoch' | 'token'> : never;
type Ending = Without<Report>;

/** A claimed run, in the hands of a test. */
export interface HeldRun {
  readonly run: ClaimedRun;
  /** Calls the internal API as this run. */
  call(method: string, path: string, body?: unknown): Promise<Response>;
  /** Brings a file in. */
  take(path: string, content: string, ordinal?: number, mark?: string): Promise<TakenFile>;
  /** Ends the attempt, and resolves when that was answered. */
  end(ending: Ending): Promise<void>;
}

const TASKS = {
  [pipelineTasks.planPipeline]: 'general',
  [pipelineTasks.processFile]: 'file_processing',
  [pipelineTasks.finishPipeline]: 'general',
};

/** A worker whose runs are carried out by the test: it waits for them, and says how they end. */
export async function startPipelineWorker(backend: HttpBackend) {
  const queues = [...new Set(Object.values(TASKS))];
  const { secret: key } = await backend.keys.create({
    ...{ kind: 'service', name: 'pipelines', workers: ['general'], queues },
  });
  const call = workerCall({ url: backend.url, key });
  const { session_id, broker_queue } = (await json(
    call('POST', '/v1/sessions', { body: registration(queues) }),
  )) as RegisterSessionResponse;
  const line = createLine();

  async function handle(message: DispatchMessage): Promise<void> {
    const claims = [{ ...message, claim_id: crypto.randomUUID() }];
    const { answers } = (await json(
      call('POST', '/v1/claims', { body: { session_id, claims } }),
    )) as ClaimResponse;
    const runs = answers.flatMap((answer) => answer.runs);
    await Promise.all(
      runs.map(async (run) => {
        const { held, ending, told } = heldRun(run, call);
        line.offer(held);
        const reports = [
          { ...(await ending), run_id: run.run_id, epoch: run.epoch, token: run.token } as Report,
        ];
        await json(call('POST', '/v1/reports', { body: { session_id, reports } }));
        told();
      }),
    );
  }
  const consumer = createConsumer({
    ...{ brokerUrl: backend.config.brokerUrl, brokerQueue: broker_queue, concurrency: 20 },
    ...{ logger: silentLogger(), handle },
  });
  await consumer.start();
  return {
    /** The next run of this task, of this execution. */
    next: line.next,
    stop: () => consumer.close(AbortSignal.timeout(5_000)),
  };
}
export type PipelineWorker = Awaited<ReturnType<typeof startPipelineWorker>>;

function heldRun(run: ClaimedRun, call: WorkerCall) {
  const ending = Promise.withResolvers<Ending>();
  const told = Promise.withResolvers<void>();
  const asRun = (method: string, path: string, body?: unknown) =>
    call(method, `/v1/runs/${run.run_id}${path}`, {
      token: run.token,
      ...(body === undefined ? {} : { body }),
    });
  const held: HeldRun = {
    run,
    call: asRun,
    take: async (path, content, ordinal = 0, mark) =>
      (await json(
        asRun(
          'PUT',
          `/files?${new URLSearchParams({ path, ordinal: `${ordinal}`, ...(mark !== undefined && { mark }) })}`,
          Buffer.from(content),
        ),
      )) as TakenFile,
    end: async (how) => {
      ending.resolve(how);
      await told.promise;
    },
  };
  return { held, ending: ending.promise, told: told.resolve };
}

function createLine() {
  const offered: HeldRun[] = [];
  const wanted: { fits: (held: HeldRun) => boolean; give: (held: HeldRun) => void }[] = [];
  return {
    offer(held: HeldRun): void {
      const index = wanted.findIndex(({ fits }) => fits(held));
      if (index === -1) offered.push(held);
      else wanted.splice(index, 1)[0]!.give(held);
    },
    next(task: string, executionId: string): Promise<HeldRun> {
      const fits = ({ run }: HeldRun) => run.task === task && run.execution_id === executionId;
      const index = offered.findIndex(fits);
      if (index !== -1) return Promise.resolve(offered.splice(index, 1)[0]!);
      return new Promise((give) => wanted.push({ fits, give }));
    },
  };
}

function registration(queues: readonly string[]) {
  const tasks = Object.entries(TASKS).map(([name, queue]) => ({
    ...{ name, group: 'Pipelines', queue, description: '', input_schema: {}, max_attempts: 3 },
    ...{ soft_limit_ms: 60_000, hard_limit_ms: 60_000, isolation: 'inline' },
  }));
  return {
    ...{ worker: 'general', instance: 'general-1', hostname: 'here', pid: 1, contract_version: 1 },
    ...{ queues, tasks, concurrency: 20, health_port: null },
  };
}

async function json(answer: Promise<Response>): Promise<unknown> {
  const response = await answer;
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${await response.text()}`);
  return await response.json();
}
