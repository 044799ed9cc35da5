import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { apiError, ApiError } from '@longshore/contracts';
import type { DispatchMessage } from '@longshore/contracts';
import { createRoutes } from './routes.fixture.ts';
import type { RunSpec, StoredSession } from './store.fixture.ts';
import { createStore } from './store.fixture.ts';

export type { RunSpec } from './store.fixture.ts';

export const SERVICE_KEY = 'lsk_key_of_the_in_memory_backend';

/**
 * An in-memory fake of the backend's internal contract, over HTTP: it grants claims on queued runs only, with the next
 * epoch, refuses reports of older epochs, and forgets nothing, so that tests can ask what was told. It is no backend:
 * no database, no dispatcher, no retries.
 */
export async function startInMemoryBackend(
  settings: { busyMs?: number; idleMs?: number; brokerQueueOf?: (worker: string) => string } = {},
) {
  const { busyMs = 50, idleMs = 50, brokerQueueOf = () => 'pool-of-test' } = settings;
  const store = createStore();
  const calls = new Map<string, number>();
  const watchers = new Set<() => void>();
  const state = {
    dispatched: 0,
    /** What it says that it wrote in its broker; undefined = nothing, as older backends. */
    brokerMark: undefined as string | undefined,
    /** Which keys are good. */
    accepts: (key: string): boolean => key === SERVICE_KEY,
    /** Answers instead of the backend while it is set; undefined = the backend answers. */
    fault: undefined as
      ((method: string, path: string, body: unknown) => ApiError | 'hang up' | undefined) | undefined,
    /** Does the work of a call, but the answer gets lost. */
    loseAnswer: undefined as ((path: string) => boolean) | undefined,
  };
  const told = { dispatched: () => state.dispatched, brokerMark: () => state.brokerMark };
  const route = createRoutes(store, { busyMs, idleMs, brokerQueueOf, ...told });

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(request);
    const path = (request.url ?? '').replace(/^\/internal/, '');
    const method = request.method ?? '';
    const key = `${method} ${path.replace(/[0-9a-f-]{36}/, ':id')}`;
    calls.set(key, (calls.get(key) ?? 0) + 1);
    const fault = state.fault?.(method, path, body);
    if (fault === 'hang up') return void request.socket.destroy();
    const known = state.accepts((request.headers.authorization ?? '').replace(/^Bearer /, ''));
    const result =
      fault ?? (known ? route(method, path, body) : apiError('authentication_failed', 'Unauthorized'));
    if (state.loseAnswer?.(path)) return void request.socket.destroy();
    for (const watcher of watchers) watcher();
    write(response, result);
  };
  const server = createServer(
    (request, response) => void answer(request, response).catch(() => response.destroy()),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    ...store,
    ...{ state, calls },
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/internal`,
    /** A message for these runs, as the broker would bring it. */
    parcel: (...specs: RunSpec[]): DispatchMessage => ({
      dispatch_id: randomUUID(),
      run_ids: specs.map((spec) => store.addRun(spec).run_id),
    }),
    session: (): StoredSession => store.sessions.at(-1) as StoredSession,
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

function write(response: ServerResponse, result: unknown): void {
  if (Buffer.isBuffer(result)) return void response.writeHead(200).end(result);
  const [status, body] = result instanceof ApiError ? [result.status, result.body] : [200, result];
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
