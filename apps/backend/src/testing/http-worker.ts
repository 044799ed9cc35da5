import { createConsumer } from '@longshore/broker';
import {
  pipelineTasks,
  type ChildResults,
  type ClaimedRun,
  type ClaimResponse,
  type DispatchMessage,
  type JsonValue,
  type RegisterSessionResponse,
  type Report,
  type TaskDescriptor,
} from '@longshore/contracts';
import { silentLogger } from '@longshore/runtime';

/** How the worker carries out file runs; the default succeeds with what it read, and fails on `fail: <reason>`. */
export interface TestWorkerOptions {
  readonly processFile?: (run: ClaimedRun, call: WorkerCall) => Promise<Ending> | Ending;
  /** Looks at what follows the files, while it runs. */
  readonly whileFinishing?: (run: ClaimedRun, call: WorkerCall) => Promise<void>;
  readonly concurrency?: number;
}

type Ending =
  | { readonly output: JsonValue }
  | { readonly ref: string; readonly size: number }
  | { readonly failure: string };

export interface WorkerConnection {
  readonly url: string;
  readonly brokerUrl: string;
  readonly key: string;
}

/** Calls the internal API. With a token: as that run. A body that is not bytes is sent as JSON. */
export type WorkerCall = (
  method: string,
  path: string,
  options?: { readonly body?: unknown; readonly token?: string },
) => Promise<Response>;

export function workerCall({ url, key }: Pick<WorkerConnection, 'url' | 'key'>): WorkerCall {
  return (method, path, { body, token } = {}) => {
    const bytes = body instanceof Uint8Array;
    return fetch(`${url}/internal${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${key}`,
        ...(token === undefined ? {} : { 'X-Longshore-Run-Token': token }),
        ...(body === undefined || bytes ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: bytes ? body : JSON.stringify(body) }),
    } as RequestInit);
  };
}

/** A worker that serves the whole document pipeline over the internal API, fed by the real broker. */
export async function startTestWorker(connection: WorkerConnection, options: TestWorkerOptions) {
  const call = workerCall(connection);
  const { session_id, broker_queue } = await json<RegisterSessionResponse>(
    call('POST', '/v1/sessions', { body: registration(options.concurrency ?? 10) }),
  );

  async function handle(message: DispatchMessage): Promise<void> {
    const claims = [{ ...message, claim_id: crypto.randomUUID() }];
    const { answers } = await json<ClaimResponse>(
      call('POST', '/v1/claims', { body: { session_id, claims } }),
    );
    for (const run of answers.flatMap((answer) => answer.runs)) {
      const report = await carryOut(run, call, options);
      await json(call('POST', '/v1/reports', { body: { session_id, reports: [report] } }));
    }
  }

  const consumer = createConsumer({
    brokerUrl: connection.brokerUrl,
    brokerQueue: broker_queue,
    concurrency: options.concurrency ?? 10,
    logger: silentLogger(),
    handle,
  });
  await consumer.start();
  return {
    call,
    sessionId: session_id,
    async stop() {
      await consumer.close(AbortSignal.timeout(5_000));
    },
  };
}

async function carryOut(run: ClaimedRun, call: WorkerCall, options: TestWorkerOptions): Promise<Report> {
  const reported = { run_id: run.run_id, epoch: run.epoch, token: run.token };
  switch (run.task) {
    case pipelineTasks.plan:
      return { ...reported, ...planned(run) };
    case pipelineTasks.finish:
      await options.whileFinishing?.(run, call);
      return { ...reported, ...(await finished(run, call)) };
    default: {
      const ending = await (options.processFile ?? echo)(run, call);
      return { ...reported, ...fileReport(ending) };
    }
  }
}

interface PlanInput {
  readonly files: readonly {
    readonly file_id: string;
    readonly sha256: string;
    readonly key?: string;
    readonly reused_from?: string;
  }[];
  readonly max_parallel_files: number;
}

/** One child for each key. */
function planned(run: ClaimedRun) {
  const { files, max_parallel_files } = run.input as unknown as PlanInput;
  const toRun = files.filter((file) => file.reused_from === undefined);
  const unique = new Map(toRun.toReversed().map((file) => [file.key ?? file.sha256, file.file_id]));
  const children = [...unique].toReversed().map(([key, file_id]) => ({
    key,
    task: pipelineTasks.processFile,
    input: {},
    file_id,
  }));
  const then = { task: pipelineTasks.finish, input: { reused: files.length - toRun.length } };
  return { outcome: 'fanned_out' as const, children, then, max_parallel: max_parallel_files, duration_ms: 1 };
}

async function finished(run: ClaimedRun, call: WorkerCall) {
  const { children } = await json<ChildResults>(
    call('GET', `/v1/runs/${run.run_id}/children`, { token: run.token }),
  );
  const { reused } = run.input as { reused: number };
  return reused > 0 || children.some((child) => child.state === 'succeeded')
    ? { outcome: 'succeeded' as const, output: { inline: null }, duration_ms: 1 }
    : failed('All files failed');
}

export async function contentOf(run: ClaimedRun, call: WorkerCall): Promise<string> {
  if (run.file!.content_base64 !== null) return Buffer.from(run.file!.content_base64, 'base64').toString();
  const response = await call('GET', `/v1/files/${run.file!.file_id}/content`, { token: run.token });
  return await response.text();
}

async function echo(run: ClaimedRun, call: WorkerCall): Promise<Ending> {
  const text = await contentOf(run, call);
  if (text.startsWith('fail: ')) return { failure: text.slice(6) };
  const output = { text: text.slice(0, 100), length: text.length };
  return { output: { output, extracted_text: text, document: { kind: 'text' }, elapsed_ms: 3 } };
}

function fileReport(ending: Ending) {
  if ('failure' in ending) return failed(ending.failure);
  const output = 'output' in ending ? { inline: ending.output } : ending;
  return { outcome: 'succeeded' as const, output, duration_ms: 1 };
}

function failed(message: string) {
  const error = { code: 'broken', message, detail: null };
  return { outcome: 'failed' as const, error, output: null, retry_after_ms: null, duration_ms: 1 };
}

/** What the worker says of itself when it registers. */
export function registration(concurrency = 10) {
  const tasks = [
    descriptor(pipelineTasks.plan, 'api_deployments'),
    descriptor(pipelineTasks.processFile, 'api_file_processing'),
    descriptor(pipelineTasks.finish, 'api_file_processing_callback'),
  ];
  return {
    worker: 'general',
    instance: 'general-1',
    hostname: 'here',
    pid: 1,
    contract_version: 1,
    queues: tasks.map((task) => task.queue).toReversed(),
    tasks,
    concurrency,
    health_port: null,
  };
}

function descriptor(name: string, queue: string): TaskDescriptor {
  return {
    name,
    group: 'General',
    queue,
    description: '',
    input_schema: {},
    max_attempts: 1,
    soft_limit_ms: 60_000,
    hard_limit_ms: 60_000,
    isolation: 'inline',
  };
}

async function json<T>(answer: Promise<Response>): Promise<T> {
  const response = await answer;
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}
