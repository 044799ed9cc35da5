import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { freePort, startPostgres, type TestPostgres } from '@longshore/testing';
import { bearer, eventually } from '../testing/http-client.ts';
import { filePart, multipart, send } from '../testing/raw-upload.ts';

const MIB = 1024 ** 2;
const UPLOAD_BYTES = 4 * 60 * MIB;
/** Buffers on their way and garbage not yet collected; it does not grow with the upload. */
const ALLOWED_GROWTH_BYTES = 100 * MIB;

let postgres: TestPostgres;
let folder: string;
let backend: ChildProcess;
let url: string;

beforeAll(async () => {
  postgres = await startPostgres();
  folder = await mkdtemp(join(tmpdir(), 'longshore-memory-'));
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  backend = spawn(process.execPath, [join(import.meta.dirname, '../main.ts')], {
    cwd: folder,
    stdio: 'ignore',
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: await postgres.createDatabase('truth'),
      BROKER_URL: await postgres.createDatabase('broker'),
      PORT: String(port),
      STORAGE_DIR: join(folder, 'storage'),
      LONGSHORE_BOOTSTRAP_FILE: join(folder, 'keys.json'),
    },
  });
  await eventually(() => fetch(`${url}/ready`).then(({ ok }) => ok));
});
afterAll(async () => {
  if (backend?.kill('SIGTERM')) await once(backend, 'exit');
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function deployed(): Promise<{ url: string; key: string }> {
  const keys = JSON.parse(await readFile(join(folder, 'keys.json'), 'utf8')) as Record<string, string>;
  const documents = [
    { kind: 'workflow', name: 'w', steps: [{ read: {} }] },
    { kind: 'deployment', api_name: 'a', workflow: 'w' },
  ];
  const response = await fetch(`${url}/api/v1/apply`, {
    method: 'POST',
    headers: { ...bearer(keys['admin_key']!), 'Content-Type': 'application/json' },
    body: JSON.stringify({ documents }),
  });
  expect(response.status).toBe(200);
  return { url: `${url}/deployment/api/default/a`, key: keys['api_key']! };
}

const residentBytes = () =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${backend.pid}/status`, 'utf8'))![1]) * 1024;

/** Four files of 60 MB each, made while they are sent. */
async function* largeForm() {
  const block = Buffer.alloc(MIB, 'x');
  for (const name of ['a', 'b', 'c', 'd']) {
    yield multipart([filePart(name, '')], { end: false }).subarray(0, -2);
    for (let sent = 0; sent < UPLOAD_BYTES / 4; sent += block.length) yield block;
    yield Buffer.from('\r\n');
  }
  yield multipart([]);
}

const hasProc = process.platform === 'linux';
(hasProc ? it : it.skip)(
  'an upload of 240 MB passes through the backend and does not stay in its memory',
  async () => {
    const deployment = await deployed();
    for (let warm = 0; warm < 16; warm += 1) {
      const answer = await send(deployment, multipart([filePart('warm', Buffer.alloc(MIB, String(warm)))]));
      expect(answer.status).toBe(200);
    }
    const before = residentBytes();
    let peak = before;
    const watch = setInterval(() => (peak = Math.max(peak, residentBytes())), 5);
    const answer = await send(deployment, largeForm(), { 'Transfer-Encoding': 'chunked' });
    clearInterval(watch);
    expect(answer).toMatchObject({ status: 200, body: { message: { execution_status: 'PENDING' } } });
    expect(peak - before).toBeLessThan(ALLOWED_GROWTH_BYTES);
  },
);
