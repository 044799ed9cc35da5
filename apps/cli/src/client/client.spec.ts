import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ApiError, routes } from '@longshore/contracts';
import { connect } from './connection.ts';
import { createPlatformClient } from './platform-client.ts';
import { submitFiles } from './submit.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

interface Seen {
  method: string | undefined;
  url: string | undefined;
  authorization: string | undefined;
  body: string;
}

/** A server that answers every request alike and remembers what it was asked. */
async function serve(status: number, body: string, headers: Record<string, string> = {}) {
  const seen: Seen[] = [];
  const server = createServer(async (request: IncomingMessage, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method, url } = request;
    seen.push({
      method,
      url,
      authorization: request.headers.authorization,
      body: Buffer.concat(chunks).toString(),
    });
    response.writeHead(status, headers).end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const KEY = 'lsk_adm_0123456789';

describe('the client', () => {
  it('calls a route with its key and answers what the contract promises', async () => {
    const { url, seen } = await serve(200, JSON.stringify({ queues: [] }));
    await expect(createPlatformClient({ url: `${url}/`, key: KEY }).call(routes.queues)).resolves.toEqual({
      queues: [],
    });
    expect(seen).toEqual([
      { method: 'GET', url: '/api/v1/queues', authorization: `Bearer ${KEY}`, body: '' },
    ]);
  });

  it('rebuilds the refusal of the backend', async () => {
    const error = {
      type: 'client_error',
      errors: [{ code: 'too_many_executions', detail: 'Too many', attr: null }],
    };
    const { url } = await serve(429, JSON.stringify(error), { 'retry-after': '5' });
    const failed = createPlatformClient({ url, key: KEY }).call(routes.queues);
    await expect(failed).rejects.toBeInstanceOf(ApiError);
    await expect(failed).rejects.toMatchObject({ status: 429, retryAfterSeconds: 5 });
  });

  it('says so when something else answers, or nobody', async () => {
    const { url } = await serve(200, '<html>');
    await expect(createPlatformClient({ url, key: KEY }).call(routes.queues)).rejects.toThrow(
      'is not a Longshore',
    );
    const nobody = createPlatformClient({
      url: 'http://127.0.0.1:1',
      key: KEY,
      fetch: () =>
        Promise.reject(Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } })),
    });
    await expect(nobody.call(routes.queues)).rejects.toThrow(
      'No Longshore answers at http://127.0.0.1:1 (ECONNREFUSED)',
    );
  });

  it('ends with the reason of its signal', async () => {
    const reason = new Error('told to stop');
    const call = createPlatformClient({ url: 'http://127.0.0.1:9', key: KEY }).call(routes.queues, {
      signal: AbortSignal.abort(reason),
    });
    await expect(call).rejects.toBe(reason);
  });

  it('posts files under their own names to the deployment', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'longshore-submit-'));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'märz.txt'), 'Total due: 5');
    const id = '019a0000-0000-7000-8000-000000000000';
    const message = {
      execution_id: id,
      execution_status: 'PENDING',
      status_api: '/x',
      error: null,
      result: null,
    };
    const { url, seen } = await serve(200, JSON.stringify({ message }));
    const client = createPlatformClient({ url, key: KEY });
    const files = [join(folder, 'märz.txt')];
    await expect(submitFiles(client, { organisation: 'acme', apiName: 'in/voices', files })).resolves.toBe(
      id,
    );
    expect(seen[0]).toMatchObject({ method: 'POST', url: '/deployment/api/acme/in%2Fvoices' });
    expect(seen[0]?.body).toContain('name="files"; filename="märz.txt"');
    expect(seen[0]?.body).toContain('Total due: 5');
    const folderItself = submitFiles(client, { organisation: 'acme', apiName: 'x', files: [folder] });
    await expect(folderItself).rejects.toThrow(`${folder} is no file: name the files to send`);
    const absent = submitFiles(client, { organisation: 'acme', apiName: 'x', files: [join(folder, 'none')] });
    await expect(absent).rejects.toThrow('cannot be read');
  });
});

describe('the connection', () => {
  function home(url?: string): NodeJS.ProcessEnv {
    const folder = mkdtempSync(join(tmpdir(), 'longshore-home-'));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    const keys = { 'api-deployment': 'a', general: 'b', 'file-processing': 'c', callback: 'd' };
    const credentials = {
      organisation: 'default',
      api_key: 'lsk_org_0123456789',
      admin_key: KEY,
      service_keys: keys,
    };
    writeFileSync(join(folder, 'credentials.json'), JSON.stringify(credentials));
    const instance = { pid: 1, url, started_at: 'x', processes: [] };
    if (url !== undefined) writeFileSync(join(folder, 'instance.json'), JSON.stringify(instance));
    return { LONGSHORE_HOME: folder };
  }

  it('goes to the platform of the home with the key of the home', async () => {
    const { url, seen } = await serve(200, JSON.stringify({ queues: [] }));
    await connect('admin', {}, home(url)).call(routes.queues);
    expect(seen[0]?.authorization).toBe(`Bearer ${KEY}`);
  });

  it('never sends the key of the home elsewhere', () => {
    const env = home('http://127.0.0.1:8000');
    expect(() => connect('admin', { url: 'https://other.example.org' }, env)).toThrow(
      'There is no admin key for https://other.example.org',
    );
    expect(() => connect('organisation', {}, { ...env, LONGSHORE_URL: 'https://other.example.org' })).toThrow(
      '--api-key',
    );
    expect(() => connect('admin', { url: 'nonsense' }, env)).toThrow('"nonsense" is not an address');
  });

  it('never sends the key of the home to whoever listens where a platform of it would, while none is recorded', async () => {
    const { url, seen } = await serve(200, JSON.stringify({ queues: [] }));
    const env = { ...home(), PORT: new URL(url).port };
    for (const kind of ['admin', 'organisation'] as const)
      expect(() => connect(kind, {}, env)).toThrow(
        expect.objectContaining({ message: expect.stringContaining('Nothing runs from'), exitCode: 3 }),
      );
    expect(() => connect('admin', { url }, env)).toThrow(`There is no admin key for ${url}`);
    await connect('admin', { adminKey: KEY }, env).call(routes.queues);
    expect(seen).toHaveLength(1);
  });

  it('takes flags before the environment, and that before the home', async () => {
    const { url, seen } = await serve(200, JSON.stringify({ queues: [] }));
    const env = {
      ...home('http://127.0.0.1:8000'),
      LONGSHORE_URL: url,
      LONGSHORE_ADMIN_API_KEY: 'lsk_adm_of_environment',
    };
    await connect('admin', {}, env).call(routes.queues);
    await connect('admin', { adminKey: 'lsk_adm_of_the_flag' }, env).call(routes.queues);
    expect(seen.map(({ authorization }) => authorization)).toEqual([
      'Bearer lsk_adm_of_environment',
      'Bearer lsk_adm_of_the_flag',
    ]);
  });
});
