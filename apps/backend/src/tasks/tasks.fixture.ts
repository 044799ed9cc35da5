import { createConsumer } from '@longshore/broker';
import type {
  ClaimedRun,
  ClaimResponse,
  DispatchMessage,
  JsonValue,
  RegisterSessionResponse,
  TaskDescriptor,
} from '@longshore/contracts';
import { silentLogger } from '@longshore/runtime';
import type { HttpBackend, TestOrganisation } from '../testing/http-backend.ts';
import { answer, bearer } from '../testing/http-client.ts';
import { workerCall, type WorkerCall } from '../testing/http-worker.ts';

/** What a handler of the test worker says at the end. */
export type Ending =
  | { readonly output: JsonValue }
  | { readonly failure: string; readonly retryAfterMs?: number }
  /** Says nothing: its process might as well be dead. */
  | 'silence';
export type Handler = (run: ClaimedRun, call: WorkerCall) => Promise<Ending> | Ending;

const countSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  properties: {
    text: { type: 'string', maxLength: 6_000_000 },
    times: { type: 'integer', minimum: 0, default: 1 },
    inner: { type: 'object', properties: { mail: { type: 'string', pattern: '^[^@]+@[^@]+$' } } },
  },
  required: ['text'],
};

export function descriptor(name: string, over: Partial<TaskDescriptor> = {}): TaskDescriptor {
  return {
    name,
    group: 'General',
    queue: 'default',
    description: `does ${name}`,
    input_schema: {},
    max_attempts: 2,
    soft_limit_ms: 60_000,
    hard_limit_ms: 60_000,
    isolation: 'inline',
    ...over,
  };
}

/** The types that tests submit. `count` has a schema, `own` a queue of its own. */
export const types = [
  descriptor('count', { group: 'Texts', input_schema: countSchema }),
  descriptor('anything'),
  descriptor('own', { queue: 'own' }),
];

const QUEUES = ['high_priority', 'default', 'low_priority', 'own'];

export interface TaskWorkerOptions {
  readonly concurrency?: number;
  readonly queues?: readonly string[];
  readonly tasks?: readonly TaskDescriptor[];
}

/** A worker of these tasks over the internal API, fed by the real broker. */
export async function startTaskWorker(
  backend: Pick<HttpBackend, 'url' | 'config' | 'keys'>,
  handler: Handler,
  { concurrency = 5, queues = QUEUES, tasks = types }: TaskWorkerOptions = {},
) {
  const { secret } = await backend.keys.create({
    kind: 'service',
    name: 'w',
    workers: ['general'],
    queues: [...queues],
  });
  const call = workerCall({ url: backend.url, key: secret });
  const about = { worker: 'general', instance: 'general-1', hostname: 'here', pid: 1, contract_version: 1 };
  const session = await json<RegisterSessionResponse>(
    call('POST', '/v1/sessions', { body: { ...about, queues, tasks, concurrency, health_port: null } }),
  );
  const { session_id, broker_queue: brokerQueue } = session;
  const taken: ClaimedRun[] = [];

  async function handle(message: DispatchMessage): Promise<void> {
    const claims = [{ ...message, claim_id: crypto.randomUUID() }];
    const { answers } = await json<ClaimResponse>(
      call('POST', '/v1/claims', { body: { session_id, claims } }),
    );
    for (const run of answers.flatMap(({ runs }) => runs)) {
      taken.push(run);
      const ending = await handler(run, call);
      if (ending === 'silence') continue;
      await json(call('POST', '/v1/reports', { body: { session_id, reports: [reportOf(run, ending)] } }));
    }
  }

  const { brokerUrl } = backend.config;
  const consumer = createConsumer({ brokerUrl, brokerQueue, concurrency, logger: silentLogger(), handle });
  await consumer.start();
  return {
    call,
    taken,
    sessionId: session_id,
    beat: () =>
      json<{ cancelled: { run_id: string }[] }>(
        call('POST', `/v1/sessions/${session_id}/heartbeat`, {
          body: { active: 0, loop_age_ms: 0, state: 'active' },
        }),
      ),
    stop: () => consumer.close(AbortSignal.timeout(5_000)),
  };
}

function reportOf(run: ClaimedRun, ending: Exclude<Ending, 'silence'>) {
  const reported = { run_id: run.run_id, epoch: run.epoch, token: run.token, duration_ms: 1 };
  if ('output' in ending) return { ...reported, outcome: 'succeeded', output: { inline: ending.output } };
  const error = { code: 'broken', message: ending.failure, detail: 'a stack' };
  return { ...reported, outcome: 'failed', error, output: null, retry_after_ms: ending.retryAfterMs ?? null };
}

async function json<T>(sent: Promise<Response>): Promise<T> {
  const response = await sent;
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

/** Asks for tasks as an organisation, or with another key; null sends none. */
export function asking(backend: Pick<HttpBackend, 'url'>, { key }: Pick<TestOrganisation, 'key'>) {
  const ask = (method: string, path: string, body?: unknown, as: string | null = key) =>
    answer(
      fetch(`${backend.url}/tasks${path}`, {
        method,
        headers: { ...bearer(as), ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
    );
  return {
    ask,
    submit: (body: object) => ask('POST', '/submit', body),
    /** Submits, and answers with the id. */
    async id(body: object): Promise<string> {
      const { status, body: said } = await ask('POST', '/submit', body);
      if (status !== 200) throw new Error(`${status} ${JSON.stringify(said)}`);
      return said.task_id as string;
    },
    status: async (id: string) => (await ask('GET', `/${id}/status`)).body,
    result: async (id: string, wait = 20) => (await ask('GET', `/${id}/result?wait=${wait}`)).body,
  };
}

export interface ReadEvent {
  readonly id: string;
  readonly event: string;
  readonly data: any; // eslint-disable-line @typescript-eslint/no-explicit-any -- a test names what it expects of it
}

/** Follows a task; `read` answers with all events up to the one wanted, or to the end of the stream. */
export async function follow(
  backend: Pick<HttpBackend, 'url'>,
  { id, key, lastEventId }: { id: string; key: string; lastEventId?: string },
) {
  const away = new AbortController();
  const response = await fetch(`${backend.url}/tasks/${id}/events`, {
    headers: { ...bearer(key), ...(lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }) },
    signal: away.signal,
  });
  const events: ReadEvent[] = [];
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  async function next(): Promise<boolean> {
    const { value, done } = await reader!.read();
    if (done) return false;
    const parts = (rest + value).split('\n\n');
    rest = parts.pop()!;
    events.push(...parts.flatMap(eventOf));
    return true;
  }
  return {
    status: response.status,
    headers: response.headers,
    events,
    async until(wanted: (event: ReadEvent) => boolean): Promise<readonly ReadEvent[]> {
      while (!events.some(wanted)) if (!(await next())) break;
      return events;
    },
    /** All events, once the stream has ended. */
    async all(): Promise<readonly ReadEvent[]> {
      while (await next());
      return events;
    },
    leave: () => away.abort(),
  };
}

function eventOf(text: string): ReadEvent[] {
  const fields = new Map(
    text.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  );
  const event = fields.get('event');
  return event === undefined ? [] : [{ id: fields.get('id')!, event, data: JSON.parse(fields.get('data')!) }];
}
