import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { apiError, ApiError, routes } from '@longshore/contracts';
import { silentLogger, systemClock } from '@longshore/runtime';
import type { Clock } from '@longshore/runtime';
import {
  BackendUnavailableError,
  createApiClient,
  createBackendClient,
  TooManyBytesError,
  UnexpectedAnswerError,
} from './index.ts';

const ID = '0199a000-0000-7000-8000-000000000001';
const KEY = 'lsk_service_key_of_this_test';
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

type Answer = (response: ServerResponse, seen: Seen) => void;

async function serve(answer: Answer): Promise<{ url: string; seen: Seen[]; close(): Promise<void> }> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      const { method, url, headers } = request;
      seen.push({ method, url, headers, body });
      answer(response, { method, url, headers, body });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    if (server.listening) await once(server.close(), 'close');
  };
  cleanups.push(close);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, close };
}

/** A clock that runs ahead with each sleep, so that no test waits. */
function hastyClock(): Clock {
  let ahead = 0;
  return {
    now: () => systemClock.now() + ahead,
    monotonic: () => systemClock.monotonic() + ahead,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      ahead += ms;
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

async function setup(answer: Answer, clock = hastyClock()) {
  const server = await serve(answer);
  const client = createBackendClient({
    baseUrl: `${server.url}/internal/`,
    serviceKey: KEY,
    logger: silentLogger(),
    clock,
  });
  cleanups.push(() => client.close());
  return { client, clock, ...server };
}

const json = (response: ServerResponse, status: number, body: unknown, headers = {}): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
};

describe('the client of the backend', () => {
  it('calls a route of the table with its parameters, the service key and the run token', async () => {
    const { client, seen } = await setup((response) => json(response, 200, { children: [] }));
    const answer = await client.call(routes.childResults, { params: { id: ID }, runToken: 'the-token' });
    expect(answer).toEqual({ children: [] });
    expect(seen[0]).toMatchObject({ method: 'GET', url: `/internal/v1/runs/${ID}/children` });
    expect(seen[0]?.headers).toMatchObject({
      authorization: `Bearer ${KEY}`,
      'x-longshore-run-token': 'the-token',
    });
  });

  it('sends the body as JSON', async () => {
    const { client, seen } = await setup((response) => json(response, 200, { status: 'ok' }));
    const items = [{ token: 't', percentage: 50, message: 'halb fertig – “ok”', data: null }];
    await client.call(routes.progress, { body: { items } });
    expect(seen[0]?.headers['content-type']).toBe('application/json');
    expect(JSON.parse(seen[0]?.body.toString() ?? '')).toEqual({ items });
  });

  it('keeps its connection open for the next call', async () => {
    const ports = new Set<number | undefined>();
    const { client } = await setup((response) => {
      ports.add(response.socket?.remotePort);
      json(response, 200, { status: 'ok' });
    });
    for (let count = 0; count < 5; count += 1) await client.call(routes.endSession, { params: { id: ID } });
    expect(ports.size).toBe(1);
  });

  it('rebuilds the error of the backend', async () => {
    const error = apiError('session_lapsed', 'This session lapsed');
    const { client } = await setup((response) => json(response, error.status, error.body));
    const refusal = await client
      .call(routes.endSession, { params: { id: ID } })
      .catch((reason: unknown) => reason);
    expect(refusal).toBeInstanceOf(ApiError);
    expect(refusal).toMatchObject({ status: 410, errors: error.errors, message: 'This session lapsed' });
  });

  it('tries again after a 503, whoever answered it', async () => {
    let calls = 0;
    const { client } = await setup((response) => {
      calls += 1;
      if (calls === 1) json(response, 503, apiError('unavailable', 'starting').body);
      else if (calls === 2) response.writeHead(502).end('<html>Bad gateway</html>');
      else json(response, 200, { status: 'ok' });
    });
    expect(await client.call(routes.endSession, { params: { id: ID } })).toEqual({ status: 'ok' });
    expect(calls).toBe(3);
  });

  it.each([
    ['its own 500', (response: ServerResponse) => json(response, 500, apiError('internal_error', 'x').body)],
    ['a 500 of a proxy', (response: ServerResponse) => response.writeHead(500).end('oops')],
    ['a 502', (response: ServerResponse) => response.writeHead(502).end()],
    ['a 503', (response: ServerResponse) => json(response, 503, apiError('unavailable', 'x').body)],
    ['a 504', (response: ServerResponse) => response.writeHead(504).end()],
    ['a broken connection', (response: ServerResponse) => response.destroy()],
  ])('outlasts %s for 30 s, with few calls at times of their own', async (_what, fault) => {
    const at: number[] = [];
    const { client, clock } = await setup((response) => {
      at.push(clock.monotonic());
      if (clock.monotonic() - at[0]! < 30_000) fault(response);
      else json(response, 200, { children: [] });
    });
    expect(await client.call(routes.childResults, { params: { id: ID } })).toEqual({ children: [] });
    expect(at.length).toBeLessThan(40);
  });

  it('gives up soon on what the backend stumbles over while it serves others', async () => {
    const { client, seen } = await setup((response, { url }) => {
      if (url?.includes('children')) json(response, 500, apiError('internal_error', 'a bug').body);
      else json(response, 200, { status: 'ok' });
    });
    const bad = client.call(routes.childResults, { params: { id: ID } });
    const refused = expect(bad).rejects.toMatchObject({ status: 500 });
    await client.call(routes.endSession, { params: { id: ID } });
    await refused;
    expect(seen.length).toBeLessThan(10);
  });

  it('gives up after a minute in which nothing was served', async () => {
    const { client, clock } = await setup((response) => response.writeHead(500).end());
    const since = clock.monotonic();
    await expect(client.call(routes.childResults, { params: { id: ID } })).rejects.toThrow('status 500');
    const tookMs = clock.monotonic() - since;
    expect(tookMs).toBeGreaterThanOrEqual(60_000);
    expect(tookMs).toBeLessThan(150_000);
  });

  it('tries again when the connection breaks', async () => {
    let calls = 0;
    const { client } = await setup((response) => {
      calls += 1;
      if (calls === 1) response.destroy();
      else json(response, 200, { status: 'ok' });
    });
    expect(await client.call(routes.endSession, { params: { id: ID } })).toEqual({ status: 'ok' });
  });

  it('says that the backend is away, and nothing of its key', async () => {
    const { client, close } = await setup(() => undefined);
    await close();
    const error = (await client.call(routes.internalHealth, {}).catch((reason: unknown) => reason)) as Error;
    expect(error).toBeInstanceOf(BackendUnavailableError);
    expect(error.message).toContain('ECONNREFUSED');
    expect(JSON.stringify(Object.entries(error)) + String(error.stack)).not.toContain(KEY);
    expect(error.cause).toBeUndefined();
  });

  it('gives up a call that takes too long', async () => {
    const { client } = await setup(() => undefined);
    const call = client.call(routes.endSession, { params: { id: ID }, timeoutMs: 50, attempts: 1 });
    await expect(call).rejects.toThrow(BackendUnavailableError);
  });

  it('ends with the reason of the signal', async () => {
    const controller = new AbortController();
    const { client } = await setup(() => controller.abort(new Error('this session lapsed')));
    const call = client.call(routes.endSession, { params: { id: ID }, signal: controller.signal });
    await expect(call).rejects.toThrow('this session lapsed');
  });

  it('refuses an answer that does not fit the table', async () => {
    const { client } = await setup((response) => json(response, 200, { status: 'fine' }));
    const call = client.call(routes.endSession, { params: { id: ID } });
    await expect(call).rejects.toThrow(UnexpectedAnswerError);
  });

  it('refuses a 404 of something that is not the backend, without trying again', async () => {
    const { client, seen } = await setup((response) => response.writeHead(404).end('nginx'));
    await expect(client.call(routes.internalHealth, {})).rejects.toThrow(/is this the backend/);
    expect(seen).toHaveLength(1);
  });

  it('does not call at all when a parameter of the path is missing', async () => {
    const { client } = await setup(() => undefined);
    await expect(client.call(routes.endSession, { params: { id: '' } })).rejects.toThrow(
      /needs the parameter id/,
    );
  });

  it('stores an output byte by byte', async () => {
    const { client, seen } = await setup((response) => json(response, 200, { ref: 'outputs/1', size: 4 }));
    const bytes = Buffer.from([0, 255, 128, 10]);
    expect(await client.storeOutput(ID, bytes, { runToken: 't' })).toEqual({ ref: 'outputs/1', size: 4 });
    expect(seen[0]).toMatchObject({ method: 'PUT', url: `/internal/v1/runs/${ID}/output` });
    expect(seen[0]?.headers['content-type']).toBe('application/octet-stream');
    expect(seen[0]?.body.equals(bytes)).toBe(true);
  });

  it('sends a file of a source as a stream, which is opened anew for each try', async () => {
    const taken = { file_id: ID, size: 300_000, sha256: 'x', skipped: null };
    const answers = [503, 200];
    const { client, seen } = await setup((response) => json(response, answers.shift()!, taken));
    const opened: Readable[] = [];
    const open = () => {
      opened.push(Readable.from([Buffer.alloc(200_000, 'a'), Buffer.alloc(100_000, 'b')]));
      return opened.at(-1)!;
    };
    const file = { path: 'sub/a b.txt', ordinal: 3 };
    expect(await client.sendFile(ID, file, { open, runToken: 't' })).toEqual(taken);
    expect(seen[1]).toMatchObject({
      ...{ method: 'PUT', url: `/internal/v1/runs/${ID}/files?path=sub%2Fa+b.txt&ordinal=3` },
    });
    expect(seen[1]?.headers['content-type']).toBe('application/octet-stream');
    expect(seen[1]?.body.equals(seen[0]!.body)).toBe(true);
    expect(seen[1]?.body).toHaveLength(300_000);
    expect(opened.map(({ destroyed }) => destroyed)).toEqual([true, true]);
  });

  it('tells at once what a source fails with, and holds nothing against the backend', async () => {
    const { client, seen } = await setup((response) => json(response, 200, { children: [] }));
    let opened = 0;
    const open = () => {
      opened += 1;
      return Readable.from(
        (async function* () {
          yield Buffer.alloc(100_000);
          await Promise.reject(new Error('The disk is gone'));
        })(),
      );
    };
    for (let file = 0; file < 20; file += 1) {
      const sent = client.sendFile(ID, { path: 'a', ordinal: file }, { open, runToken: 't' });
      await expect(sent).rejects.toThrow('The disk is gone');
    }
    expect(opened).toBe(20);
    expect(seen).toEqual([]);
    await client.call(routes.childResults, { params: { id: ID }, runToken: 't' });
  });

  it('fetches a file byte by byte', async () => {
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_value, index) => index % 256));
    const { client } = await setup((response) => response.writeHead(200).end(bytes));
    const got = await client.fetchFile(ID, { runToken: 't', maxBytes: 100_000 });
    expect(got.equals(bytes)).toBe(true);
  });

  it('refuses a file that is larger than was agreed', async () => {
    const { client } = await setup((response) => response.writeHead(200).end(Buffer.alloc(2000)));
    await expect(client.fetchFile(ID, { runToken: 't', maxBytes: 1999 })).rejects.toThrow(TooManyBytesError);
  });

  it('follows the backend to a file store, and shows it no key', async () => {
    const store = await serve((response) => response.writeHead(200).end('content'));
    const location = `${store.url}/bucket/file?X-Signature=abc`;
    const { client } = await setup((response) => response.writeHead(302, { location }).end());
    const got = await client.fetchFile(ID, { runToken: 'the-token', maxBytes: 100 });
    expect(got.toString()).toBe('content');
    expect(store.seen[0]?.url).toBe('/bucket/file?X-Signature=abc');
    expect(JSON.stringify(store.seen[0]?.headers)).not.toMatch(/the-token|lsk_/);
  });
});

describe('the client of the public API', () => {
  it('calls once, with the key of its user', async () => {
    const { url, seen } = await serve((response) =>
      json(response, 503, apiError('unavailable', 'away').body),
    );
    const client = createApiClient({ url, apiKey: 'lsk_admin_key_of_this_test' });
    cleanups.push(() => client.close());
    await expect(client.call(routes.workers, {})).rejects.toMatchObject({ status: 503 });
    expect(seen).toHaveLength(1);
    expect(seen[0]?.headers.authorization).toBe('Bearer lsk_admin_key_of_this_test');
  });

  it('uploads a form', async () => {
    const message = {
      execution_id: ID,
      execution_status: 'PENDING',
      status_api: '/x',
      error: null,
      result: null,
    };
    const { url, seen } = await serve((response) => json(response, 200, { message }));
    const client = createApiClient({ url, apiKey: 'lsk_deployment_key_of_test' });
    cleanups.push(() => client.close());
    const form = new FormData();
    form.append('files', new Blob(['hello']), 'hello.txt');
    const params = { org: 'default', api_name: 'invoices' };
    const answer = await client.call(routes.executeDeployment, { params, body: form });
    expect(answer.message.execution_id).toBe(ID);
    expect(seen[0]?.url).toBe('/deployment/api/default/invoices');
    expect(seen[0]?.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/);
    expect(seen[0]?.body.toString()).toContain('hello.txt');
  });

  it('asks with a query', async () => {
    const { url, seen } = await serve((response) =>
      json(response, 200, { status: 'EXECUTING', message: null }),
    );
    const client = createApiClient({ url });
    cleanups.push(() => client.close());
    const params = { org: 'default', api_name: 'a' };
    await client.call(routes.executionStatus, {
      params,
      query: { execution_id: ID, include_metadata: true },
    });
    expect(seen[0]?.url).toBe(`/deployment/api/default/a?execution_id=${ID}&include_metadata=true`);
    expect(seen[0]?.headers.authorization).toBeUndefined();
  });
});
