import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from '@jest/globals';
import { apiError } from '@longshore/contracts';
import type { Terminal } from '../output/terminal.ts';
import { createProgram } from '../program.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const ID = '019a0000-0000-7000-8000-000000000001';

/** A platform with one pipeline, `inbox`. */
async function setup() {
  const asked: string[] = [];
  const answer = {
    message: { execution_id: ID, execution_status: 'PENDING', status_api: '/', error: null, result: null },
  };
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      asked.push(`${request.method} ${request.url} ${body}`);
      const refusal = request.url!.endsWith('/inbox') ? null : apiError('not_found', 'API not found');
      response.writeHead(refusal?.status ?? 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(refusal?.body ?? answer));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const out: string[] = [];
  const terminal: Terminal = { out: (line) => out.push(line), err: () => undefined, status: () => undefined };
  const run = (...args: string[]) =>
    createProgram(terminal).parseAsync(
      ['pipelines', 'run', '--url', url, '--api-key', 'lsk_org_0123456789abcdef', ...args],
      { from: 'user' },
    );
  return { run, out, asked };
}

describe('longshore pipelines run', () => {
  it('runs the pipeline and prints the id of its execution', async () => {
    const { run, out, asked } = await setup();
    await run('inbox');
    await run('inbox', '--force', '--json', '--org', 'acme');
    expect(asked).toEqual([
      'POST /deployment/pipeline/api/default/inbox {"force":false}',
      'POST /deployment/pipeline/api/acme/inbox {"force":true}',
    ]);
    expect(out).toEqual([ID, JSON.stringify({ execution_id: ID })]);
  });

  it('says what to do about a pipeline that is not there', async () => {
    const { run } = await setup();
    await expect(run('nothing')).rejects.toThrow(
      'Organisation default has no active pipeline nothing: check the name, or make it with "longshore apply".',
    );
  });
});
