import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { openAsBlob } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { multipartOf } from './multipart.ts';

let server: Server;
let url: string;

/** Reads a form with the engine's own parser, and tells what it found. `/slow` reads nothing. */
beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === '/slow') return;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const headers = { 'content-type': request.headers['content-type']! };
      void new Response(Buffer.concat(chunks), { headers })
        .formData()
        .then(async (form) =>
          Promise.all(
            [...form].map(async ([name, value]) =>
              typeof value === 'string' ? [name, value] : [name, value.name, value.type, await value.text()],
            ),
          ),
        )
        .then((found) => response.end(JSON.stringify(found)));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function post(path: string, form: FormData, signal?: AbortSignal): Promise<Response> {
  return fetch(`${url}${path}`, { method: 'POST', ...multipartOf(form), ...(signal && { signal }) });
}

describe('a form', () => {
  it('arrives as it was made, with quotes, line breaks and other scripts in its names', async () => {
    const form = new FormData();
    form.append('tags', 'a "b"\r\nc');
    form.append('files', new Blob(['one'], { type: 'text/plain' }), 'ein "Beleg".txt');
    form.append('files', new Blob([]), '請求書.pdf');
    expect(await (await post('/', form)).json()).toEqual([
      ['tags', 'a "b"\r\nc'],
      ['files', 'ein "Beleg".txt', 'text/plain', 'one'],
      ['files', '請求書.pdf', 'application/octet-stream', ''],
    ]);
  });

  it('that is aborted while it is sent rejects, and nothing else happens', async () => {
    for (let round = 0; round < 20; round += 1) {
      const form = new FormData();
      for (let i = 0; i < 10; i += 1) form.append('files', new Blob([Buffer.alloc(500_000, i)]), `${i}`);
      const abort = new AbortController();
      const sent = post('/slow', form, abort.signal);
      setTimeout(() => abort.abort(new Error('enough')), round);
      await expect(sent).rejects.toThrow('enough');
    }
  });

  it('whose file changes while it is sent rejects', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'longshore-multipart-'));
    const path = join(folder, 'a.txt');
    writeFileSync(path, 'before');
    const form = new FormData();
    form.append('files', await openAsBlob(path), 'a.txt');
    writeFileSync(path, 'afterwards, and longer');
    await expect(post('/', form)).rejects.toThrow();
    await rm(folder, { recursive: true });
  });
});
