import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { json } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  CONTRACT_VERSION,
  coreWorkerNames,
  type RegisterSessionRequest,
  type RegisterSessionResponse,
} from '@longshore/contracts';
import { startPostgres, type TestPostgres } from '@longshore/testing';

const root = resolve(import.meta.dirname, '../../..');
const cleanups: (() => unknown)[] = [];
let postgres: TestPostgres;
let brokerUrl: string;
/** What starts the worker: the source, and a bundle with nothing beside it. */
const programs = { source: [join(root, 'apps/general/src/main.ts')], bundle: [''] };

beforeAll(async () => {
  postgres = await startPostgres();
  brokerUrl = await postgres.createDatabase('broker');
  const bundle = join(temporary(), 'general');
  const built = spawnSync(process.execPath, ['tools/src/build.ts', 'general', bundle], {
    cwd: root,
    encoding: 'utf8',
  });
  expect([built.status, built.stderr]).toEqual([0, '']);
  programs.bundle = [join(bundle, 'main.js')];
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(async () => {
  await postgres.stop();
  for (const folder of folders) rmSync(folder, { recursive: true });
});

const folders: string[] = [];
function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'longshore-task-files-'));
  folders.push(folder);
  return folder;
}

function folderOf(files: Record<string, string>): string {
  const folder = temporary();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** A backend that takes a registration and nothing else. */
async function registering() {
  const registered = Promise.withResolvers<RegisterSessionRequest>();
  const session: RegisterSessionResponse = {
    ...{ session_id: '0199a000-0000-7000-8000-000000000001', pool: 'general', broker_queue: 'general' },
    ...{ contract_version: CONTRACT_VERSION, heartbeat_busy_ms: 1_000, heartbeat_idle_ms: 10_000 },
    session_timeout_ms: 15_000,
  };
  const server = createServer((request, response) => {
    void (async () => {
      const body = request.method === 'POST' ? await json(request) : null;
      const answer = (what: object) =>
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(what));
      if (request.url?.endsWith('/health/'))
        answer({ status: 'ok', contract_version: CONTRACT_VERSION, worker_names: coreWorkerNames });
      else if (request.url?.endsWith('/heartbeat')) answer({ status: 'live', cancelled: [], dispatched: 0 });
      else if (request.url?.endsWith('/sessions')) {
        registered.resolve(body as RegisterSessionRequest);
        answer(session);
      } else answer({ status: 'ok' });
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => (server.closeAllConnections(), server.close()));
  const { port } = server.address() as AddressInfo;
  return { baseUrl: `http://127.0.0.1:${port}/internal`, registered: registered.promise };
}

/** Starts a general worker with these task folders; answers how it registered, and what its health server says. */
async function register(program: readonly string[], taskFolders: string) {
  const backend = await registering();
  const child: ChildProcess = spawn(process.execPath, program, {
    cwd: tmpdir(),
    env: {
      PATH: process.env['PATH'],
      BROKER_URL: brokerUrl,
      INTERNAL_API_BASE_URL: backend.baseUrl,
      INTERNAL_SERVICE_API_KEY: 'lsk_key_of_the_test',
      GENERAL_HEALTH_PORT: '0',
      TASKS_DIR: taskFolders,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  let complaints = '';
  child.stderr!.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  const port = new Promise<number>((found) => {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      said += `${line}\n`;
      const { message, port } = JSON.parse(line) as { message: string; port: number };
      if (message === 'health server listens') found(port);
    });
  });
  const closed = once(child, 'close');
  cleanups.push(async () => {
    child.kill('SIGKILL');
    await closed;
  });
  const early = closed.then(([code, signal]: unknown[]) =>
    Promise.reject(new Error(`it ended with ${String(signal ?? code)}: ${complaints}${said}`)),
  );
  early.catch(() => undefined);
  const request = await Promise.race([backend.registered, early]);
  const health = await fetch(`http://127.0.0.1:${await port}/health`).catch(async (error: unknown) => {
    await Promise.race([early, setTimeout(1_000)]);
    throw new Error(`it does not answer, and lives: ${complaints}${said}`, { cause: error });
  });
  return { request, health: (await health.json()) as Record<string, unknown>, complaints: () => complaints };
}

const described = (name: string, description: string, head: string) =>
  `${head}\nexport default (means) => defineTask({ name: '${name}', description: ${description}, input: z.object({ n: z.number() }), handler: () => null });`;
const same = 'String(z === means.z && TaskError === means.TaskError && defineTask === means.defineTask)';
const imports = `import { defineTask, TaskError } from '@longshore/tasks';\nimport { z } from 'zod';`;

describe.each(['source', 'bundle'] as const)('a general worker that runs from its %s', (kind) => {
  it('loads task files from anywhere, which get its own modules, whatever is installed beside them', async () => {
    const typed = `import type { Task } from '@longshore/tasks';\ninterface Shape { readonly n: number }\nexport const shape: Shape = { n: 1 };`;
    const one = folderOf({
      'a.ts': described('typed', same, `${imports}\n${typed}`),
      'b.js': described('plain', same, imports),
      'c.js': `const { defineTask, TaskError } = require('@longshore/tasks');\nconst { z } = require('zod');
module.exports = (means) => defineTask({ name: 'required', description: ${same}, input: z.object({}), handler: () => null });`,
      'node_modules/zod/package.json': '{ "name": "zod", "main": "index.js" }',
      'node_modules/zod/index.js': 'exports.z = null;',
    });
    const two = folderOf({
      'd.mjs': described(
        'helped',
        "String(same && shared === 'shared zod')",
        `${imports}\nimport { same, shared } from './lib/help.mjs';`,
      ),
      'lib/help.mjs': `import { z } from 'zod';\nimport { shared } from 'package';\nexport const same = typeof z.object === 'function';\nexport { shared };`,
      'node_modules/package/package.json': '{ "name": "package", "type": "module", "exports": "./index.js" }',
      'node_modules/package/index.js': `import { z } from 'zod';\nexport const shared = z === 'its own' ? 'its own zod' : 'shared zod';`,
    });
    const { request, health, complaints } = await register(programs[kind], [one, two].join(delimiter));
    const own = request.tasks.filter(
      ({ name }) => !/^(?:example_|submission_|pipeline\.|webhook\.)/.test(name),
    );
    expect(own.map(({ name, description }) => [name, description])).toEqual(
      ['typed', 'plain', 'required', 'helped'].map((name) => [name, 'true']),
    );
    expect(own[0]!.input_schema).toMatchObject({ properties: { n: { type: 'number' } } });
    expect([request.skipped_task_files, health['skipped_task_files'], complaints()]).toEqual([[], [], '']);
  });

  it('loads the task file of docs/tasks.md', async () => {
    const page = readFileSync(join(root, 'docs/tasks.md'), 'utf8');
    const text = /```ts\n(.*?)```/s.exec(page)![1]!;
    const { request } = await register(programs[kind], folderOf({ 'word-count.ts': text }));
    expect(request.skipped_task_files).toEqual([]);
    expect(request.tasks.find(({ name }) => name === 'word_count')).toMatchObject({
      description: 'Counts the words of a text.',
      queue: 'default',
    });
  });

  it('tells the backend and its health server which files it skipped, and why', async () => {
    const folder = folderOf({ 'broken.ts': 'export default (', 'good.ts': described('good', same, imports) });
    const { request, health } = await register(programs[kind], `${folder},/nowhere/at/all`);
    expect(request.tasks.map(({ name }) => name)).toContain('good');
    const skipped = [
      { file: join(folder, 'broken.ts'), reason: expect.any(String) },
      { file: '/nowhere/at/all', reason: expect.stringContaining('ENOENT') },
    ];
    expect(request.skipped_task_files).toEqual(skipped);
    expect(health).toMatchObject({ status: 'healthy', skipped_task_files: skipped });
  });
});
