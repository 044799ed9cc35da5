import {
  apiError,
  ApiError,
  claimRequestSchema,
  registerSessionRequestSchema,
  reportRequestSchema,
} from '@longshore/contracts';
import type { HeartbeatRequest, LogLinesRequest, ProgressRequest } from '@longshore/contracts';
import type { Store } from './store.fixture.ts';

type Route = readonly [
  method: string,
  path: RegExp,
  act: (parameters: RegExpExecArray, body: Buffer) => unknown,
];

export interface RouteSettings {
  readonly busyMs: number;
  readonly idleMs: number;
  readonly brokerQueueOf: (worker: string) => string;
  /** Of the answers to heartbeats. */
  readonly dispatched: () => number;
  /** Of the answers about health. */
  readonly brokerMark: () => string | undefined;
}

/** Answers a call of the backend's internal contract from the store; an error is an answer too. */
export function createRoutes(store: Store, settings: RouteSettings) {
  const routes = [...sessionRoutes(store, settings), ...workRoutes(store), ...runRoutes(store)];
  return (method: string, path: string, body: Buffer): unknown => {
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
}

const OK = { status: 'ok' };

function sessionRoutes(store: Store, settings: RouteSettings): Route[] {
  const { busyMs, idleMs, brokerQueueOf, dispatched, brokerMark } = settings;
  const health = () => ({
    ...{ status: 'ok', contract_version: 1, worker_names: [] },
    broker_mark: brokerMark(),
  });
  return [
    ['GET', /^\/v1\/health\/$/, health],
    [
      'POST',
      /^\/v1\/sessions$/,
      (_match, body) => {
        const request = registerSessionRequestSchema.parse(JSON.parse(body.toString()));
        return {
          session_id: store.addSession(request),
          ...{ pool: 'test', broker_queue: brokerQueueOf(request.worker), contract_version: 1 },
          ...{ heartbeat_busy_ms: busyMs, heartbeat_idle_ms: idleMs, session_timeout_ms: 15_000 },
        };
      },
    ],
    [
      'POST',
      /^\/v1\/sessions\/([^/]+)\/heartbeat$/,
      ([, id = ''], body) => {
        const session = store.liveSession(id);
        session.heartbeats.push(JSON.parse(body.toString()) as HeartbeatRequest);
        return { status: 'live', cancelled: session.cancelled, dispatched: dispatched() };
      },
    ],
    [
      'DELETE',
      /^\/v1\/sessions\/([^/]+)$/,
      ([, id = '']) => {
        store.liveSession(id).state = 'ended';
        return OK;
      },
    ],
  ];
}

function workRoutes(store: Store): Route[] {
  const parsed = (body: Buffer): unknown => JSON.parse(body.toString());
  return [
    ['POST', /^\/v1\/claims$/, (_match, body) => store.claim(claimRequestSchema.parse(parsed(body)))],
    [
      'POST',
      /^\/v1\/reports$/,
      (_match, body) => {
        const request = reportRequestSchema.parse(parsed(body));
        const answers = store.report(request);
        store.reportCalls.push(request.reports.length);
        return answers;
      },
    ],
    [
      'POST',
      /^\/v1\/progress$/,
      (_match, body) => {
        store.progress.push(...(parsed(body) as ProgressRequest).items);
        return OK;
      },
    ],
    [
      'POST',
      /^\/v1\/logs$/,
      (_match, body) => {
        store.logLines.push(...(parsed(body) as LogLinesRequest).items);
        return OK;
      },
    ],
  ];
}

function runRoutes(store: Store): Route[] {
  return [
    ['GET', /^\/v1\/files\/([^/]+)\/content$/, ([, id = '']) => store.files.get(id)],
    [
      'PUT',
      /^\/v1\/runs\/([^/]+)\/output$/,
      ([, id = ''], body) => {
        store.outputs.set(id, body);
        return { ref: `outputs/${id}-1`, size: body.length };
      },
    ],
    [
      'GET',
      /^\/v1\/runs\/([^/]+)\/children$/,
      ([, id = '']) => ({ children: store.childResults.get(id) ?? [] }),
    ],
    ['GET', /^\/v1\/runs\/[^/]+\/children\/([^/]+)\/output$/, ([, child = '']) => store.outputs.get(child)],
    [
      'GET',
      /^\/v1\/workflow-versions\/([^/]+)$/,
      ([, id = '']) => ({ id, definition: store.workflows.get(id) }),
    ],
  ];
}
