import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import {
  apiError,
  ApiError,
  claimRequestSchema,
  registerSessionRequestSchema,
  reportRequestSchema,
} from '@longshore/contracts';
import type {
  ClaimAnswer,
  ClaimedRun,
  DispatchMessage,
  ExecutionContext,
  HeartbeatRequest,
  JsonValue,
  LogLinesRequest,
  ProgressRequest,
  RegisterSessionRequest,
  Report,
  WorkflowDefinition,
} from '@longshore/contracts';

export const SERVICE_KEY = 'lsk_key_of_the_in_memory_backend';

export interface RunSpec {
  task: string;
  input?: JsonValue;
  attempt?: number;
  softLimitMs?: number;
  hardLimitMs?: number;
  execution?: ExecutionContext;
  file?: { name: string; bytes: Buffer; inline?: boolean; sha256?: string };
  children?: ClaimedRun['children'];
}

interface StoredRun {
  readonly run: ClaimedRun;
  state: 'queued' | 'running' | 'ended';
  session: string | undefined;
}

interface StoredSession {
  readonly id: string;
  readonly request: RegisterSessionRequest;
  state: 'live' | 'ended' | 'lapsed';
  readonly heartbeats: HeartbeatRequest[];
  cancelled: { run_id: string; epoch: number }[];
}

/**
 * An in-memory fake of the backend's internal contract, over HTTP: it grants claims on queued runs only, with the next
 * epoch, refuses reports of older epochs, and forgets nothing, so that tests can ask what was told. It is no backend:
 * no database, no dispatcher, no retries.
 */
export async function startInMemoryBackend(
  settings: { busyMs?: number; idleMs?: number; brokerQueue?: string } = {},
) {
  const { busyMs = 50, idleMs = 50, brokerQueue = 'pool-of-test' } = settings;
  const runs = new Map<string, StoredRun>();
  const files = new Map<string, Buffer>();
  const outputs = new Map<string, Buffer>();
  const sessions: StoredSession[] = [];
  const claims = new Map<string, ClaimAnswer>();
  const executions = new Map<string, ExecutionContext>();
  const reports: Report[] = [];
  const reportCalls: number[] = [];
  const progress: ProgressRequest['items'] = [];
  const logLines: LogLinesRequest['items'] = [];
  const workflows = new Map<string, WorkflowDefinition>();
  const calls = new Map<string, number>();
  const watchers = new Set<() => void>();
  const state = {
    dispatched: 0,
    /** Answers instead of the backend while it is set; undefined = the backend answers. */
    fault: undefined as
      ((method: string, path: string, body: unknown) => ApiError | 'hang up' | undefined) | undefined,
    /** Does the work of a call, but the answer gets lost. */
    loseAnswer: undefined as ((path: string) => boolean) | undefined,
  };

  const sessionOf = (id: string): StoredSession => {
    const session = sessions.find((each) => each.id === id);
    if (session?.state !== 'live') throw apiError('session_lapsed', 'this session has ended');
    return session;
  };
  const claim = (body: unknown) => {
    const { session_id, claims: asked } = claimRequestSchema.parse(body);
    sessionOf(session_id);
    const answers = asked.map(({ dispatch_id, run_ids, claim_id }): ClaimAnswer => {
      const before = claims.get(claim_id);
      if (before !== undefined) return before;
      const granted = run_ids.flatMap((id) => {
        const stored = runs.get(id);
        if (stored?.state !== 'queued') return [];
        const next = { ...stored.run, epoch: stored.run.epoch + 1 };
        runs.set(id, { run: next, state: 'running', session: session_id });
        return [next];
      });
      const answer: ClaimAnswer =
        granted.length > 0
          ? { dispatch_id, answer: 'granted', reason: null, runs: granted }
          : { dispatch_id, answer: 'refused', reason: 'none of the runs is queued', runs: [] };
      claims.set(claim_id, answer);
      return answer;
    });
    const ids = new Set(answers.flatMap((answer) => answer.runs.map((run) => run.execution_id)));
    return {
      answers,
      executions: [...executions.values()].filter(({ execution_id }) => ids.has(execution_id)),
    };
  };
  const report = (body: unknown) => {
    const { session_id, reports: told } = reportRequestSchema.parse(body);
    sessionOf(session_id);
    reportCalls.push(told.length);
    const answers = told.map((each) => {
      const stored = runs.get(each.run_id);
      const current =
        stored?.state === 'running' && stored.run.epoch === each.epoch && stored.session === session_id;
      if (!current) return { run_id: each.run_id, answer: 'superseded', reason: 'another epoch owns it' };
      reports.push(each);
      stored.state = each.outcome === 'released' ? 'queued' : 'ended';
      return { run_id: each.run_id, answer: 'accepted', reason: null };
    });
    return { answers };
  };
  const routes: [string, RegExp, (match: RegExpExecArray, body: Buffer) => unknown][] = [
    ['GET', /^\/v1\/health\/$/, () => ({ status: 'ok', contract_version: 1, worker_names: [] })],
    [
      'POST',
      /^\/v1\/sessions$/,
      (_match, body) => {
        const request = registerSessionRequestSchema.parse(JSON.parse(body.toString()));
        const id = randomUUID();
        sessions.push({ id, request, state: 'live', heartbeats: [], cancelled: [] });
        return {
          ...{ session_id: id, pool: 'test', broker_queue: brokerQueue, contract_version: 1 },
          ...{ heartbeat_busy_ms: busyMs, heartbeat_idle_ms: idleMs, session_timeout_ms: 15_000 },
        };
      },
    ],
    [
      'POST',
      /^\/v1\/sessions\/([^/]+)\/heartbeat$/,
      ([, id = ''], body) => {
        const session = sessionOf(id);
        session.heartbeats.push(JSON.parse(body.toString()) as HeartbeatRequest);
        return { status: 'live', cancelled: session.cancelled, dispatched: state.dispatched };
      },
    ],
    [
      'DELETE',
      /^\/v1\/sessions\/([^/]+)$/,
      ([, id = '']) => {
        sessionOf(id).state = 'ended';
        return { status: 'ok' };
      },
    ],
    ['POST', /^\/v1\/claims$/, (_match, body) => claim(JSON.parse(body.toString()))],
    ['POST', /^\/v1\/reports$/, (_match, body) => report(JSON.parse(body.toString()))],
    [
      'POST',
      /^\/v1\/progress$/,
      (_match, body) => {
        progress.push(...(JSON.parse(body.toString()) as ProgressRequest).items);
        return { status: 'ok' };
      },
    ],
    [
      'POST',
      /^\/v1\/logs$/,
      (_match, body) => {
        logLines.push(...(JSON.parse(body.toString()) as LogLinesRequest).items);
        return { status: 'ok' };
      },
    ],
    ['GET', /^\/v1\/files\/([^/]+)\/content$/, ([, id = '']) => files.get(id)],
    [
      'PUT',
      /^\/v1\/runs\/([^/]+)\/output$/,
      ([, id = ''], body) => {
        outputs.set(id, body);
        return { ref: `outputs/${id}-1`, size: body.length };
      },
    ],
    ['GET', /^\/v1\/runs\/([^/]+)\/children$/, () => ({ children: [] })],
    ['GET', /^\/v1\/workflow-versions\/([^/]+)$/, ([, id = '']) => ({ id, definition: workflows.get(id) })],
  ];

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(request);
    const path = (request.url ?? '').replace(/^\/internal/, '');
    const method = request.method ?? '';
    const key = `${method} ${path.replace(/[0-9a-f-]{36}/, ':id')}`;
    calls.set(key, (calls.get(key) ?? 0) + 1);
    const fault = state.fault?.(method, path, body);
    if (fault === 'hang up') return void request.socket.destroy();
    const result = fault ?? resultOf(method, path, body, request);
    if (state.loseAnswer?.(path)) return void request.socket.destroy();
    for (const watcher of watchers) watcher();
    if (result instanceof ApiError) {
      response
        .writeHead(result.status, { 'content-type': 'application/json' })
        .end(JSON.stringify(result.body));
    } else if (Buffer.isBuffer(result)) response.writeHead(200).end(result);
    else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(result));
  };
  const resultOf = (method: string, path: string, body: Buffer, request: IncomingMessage): unknown => {
    if (request.headers.authorization !== `Bearer ${SERVICE_KEY}`)
      return apiError('authentication_failed', 'Unauthorized');
    for (const [its, pattern, act] of routes) {
      const match = its === method ? pattern.exec(path) : null;
      if (match === null) continue;
      try {
        return act(match, body) ?? apiError('not_found', 'not there');
      } catch (error) {
        return error instanceof ApiError ? error : apiError('invalid', String(error));
      }
    }
    return apiError('not_found', `no route ${method} ${path}`);
  };

  const server = createServer(
    (request, response) => void answer(request, response).catch(() => response.destroy()),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const addRun = (spec: RunSpec): ClaimedRun => {
    const run_id = randomUUID();
    const execution_id = spec.execution?.execution_id ?? randomUUID();
    const { file } = spec;
    const file_id = randomUUID();
    if (file !== undefined) files.set(file_id, file.bytes);
    const run: ClaimedRun = {
      ...{
        run_id,
        execution_id,
        epoch: 0,
        task: spec.task,
        input: spec.input ?? {},
        token: `token-of-${run_id}`,
      },
      ...{ attempt: spec.attempt ?? 1, max_attempts: 3, organisation_id: randomUUID() },
      soft_limit_ms: spec.softLimitMs ?? 60_000,
      hard_limit_ms: spec.hardLimitMs ?? 120_000,
      file: file
        ? {
            ...{ file_id, name: file.name, size: file.bytes.length },
            sha256: file.sha256 ?? createHash('sha256').update(file.bytes).digest('hex'),
            content_base64: file.inline === false ? null : file.bytes.toString('base64'),
          }
        : null,
      children: spec.children ?? null,
    };
    runs.set(run_id, { run, state: 'queued', session: undefined });
    return run;
  };
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/internal`,
    ...{
      state,
      runs,
      sessions,
      executions,
      reports,
      reportCalls,
      progress,
      logLines,
      outputs,
      workflows,
      calls,
    },
    addRun,
    /** An execution of this workflow; runs may belong to it. */
    addExecution: (definition: WorkflowDefinition): ExecutionContext => {
      const [execution_id, workflow_version_id] = [randomUUID(), randomUUID()];
      workflows.set(workflow_version_id, definition);
      const context = {
        execution_id,
        workflow_version_id,
        include_extracted_text: false,
        custom_data: null,
        tags: [],
      };
      executions.set(execution_id, context);
      return context;
    },
    /** A message for these runs, as the broker would bring it. */
    parcel: (...specs: RunSpec[]): DispatchMessage => ({
      dispatch_id: randomUUID(),
      run_ids: specs.map((spec) => addRun(spec).run_id),
    }),
    session: (): StoredSession => sessions.at(-1) as StoredSession,
    /** What the reconciler does: the session is given up, its runs are queued again. */
    lapse: (session: StoredSession): void => {
      session.state = 'lapsed';
      for (const stored of runs.values())
        if (stored.session === session.id && stored.state === 'running') stored.state = 'queued';
    },
    /** Resolves once the condition holds, looked at after each call. */
    until: (condition: () => boolean): Promise<void> => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const look = (): void => {
        if (!condition()) return;
        watchers.delete(look);
        resolve();
      };
      watchers.add(look);
      look();
      return promise;
    },
    close: async (): Promise<void> => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export type InMemoryBackend = Awaited<ReturnType<typeof startInMemoryBackend>>;
