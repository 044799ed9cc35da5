import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Terminal } from '../output/terminal.ts';
import { createProgram } from '../program.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const AT = '2026-05-01T02:30:00.000Z';
const credential = {
  ...{ credential_id: '019a0000-0000-7000-8000-000000000001', organisation: 'default', name: 'archive' },
  ...{ type: 's3', description: null, keys: ['access_key_id', 'secret_access_key'], pipelines: ['inbox'] },
  ...{ created_at: AT, changed_at: AT, last_used_at: AT },
};

/** A platform with one credential, `archive`. */
async function setup() {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      asked.push(`${request.method} ${request.url} ${body}`.trim());
      const isList = request.url!.split('?')[0] === '/api/v1/credentials' && request.method === 'GET';
      const answer = isList ? { credentials: [credential], next_cursor: null } : credential;
      const deleted = request.method === 'DELETE' ? { status: 'ok' } : answer;
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(deleted));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => (server.closeAllConnections(), server.close()));
  const { port } = server.address() as AddressInfo;
  const out: string[] = [];
  const terminal = {
    ...{ out: (line: string) => void out.push(line), err: (line: string) => void out.push(line) },
    ...{ status: () => undefined, columns: 200 },
  } as unknown as Terminal;
  process.env['LONGSHORE_TEST_KEY'] = 'hush';
  cleanups.push(() => delete process.env['LONGSHORE_TEST_KEY']);
  const run = async (...words: string[]) => {
    const connection = ['--url', `http://127.0.0.1:${port}`, '--api-key', 'lsk_x'];
    await createProgram(terminal).parseAsync(['node', 'longshore', 'credentials', ...words, ...connection]);
    return out.join('\n');
  };
  return { asked, run, out };
}

describe('longshore credentials', () => {
  it('lists them with the pipelines that name them', async () => {
    const said = await (await setup()).run();
    expect(said).toMatch(/archive +s3 +access_key_id, secret_access_key +inbox +2026-05-01 02:30/);
  });

  it('creates and changes them with values from the environment', async () => {
    const { run, asked } = await setup();
    await run('create', 'archive', '--type', 's3', '--value', 'access_key_id=env:LONGSHORE_TEST_KEY');
    await run('change', 'archive', '--value', 'access_key_id=env:LONGSHORE_TEST_KEY');
    const said = await run('delete', 'archive');
    expect(asked).toEqual([
      'POST /api/v1/credentials {"name":"archive","type":"s3","values":{"access_key_id":"hush"}}',
      'PATCH /api/v1/credentials/archive {"values":{"access_key_id":"hush"}}',
      'DELETE /api/v1/credentials/archive',
    ]);
    expect(said).not.toContain('hush');
  });

  it('refuses values in clear, and those that are not there, without asking anybody', async () => {
    const { run, asked } = await setup();
    await expect(run('create', 'a', '--type', 's3', '--value', 'access_key_id=AKIA1')).rejects.toThrow(
      /never stands in a file or a command in clear/,
    );
    await expect(run('change', 'a', '--value', 'access_key_id=env:LONGSHORE_NONE')).rejects.toThrow(
      'the environment variable LONGSHORE_NONE is not set',
    );
    await expect(run('change', 'a')).rejects.toThrow('Say what is to be changed');
    expect(asked).toEqual([]);
  });
});
