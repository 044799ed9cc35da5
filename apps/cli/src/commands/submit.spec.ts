import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { apiError, type FileResult } from '@longshore/contracts';
import type { Terminal } from '../output/terminal.ts';
import { createProgram } from '../program.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const ID = '019a0000-0000-7000-8000-000000000001';
const UUID = '019a0000-0000-4000-8000-000000000002';

function fileResult(file: string, error: string | null = null): FileResult {
  return {
    ...{ file, error, file_execution_id: UUID, status: error === null ? 'Success' : 'Failed' },
    result: error === null ? { output: { total: 5 } } : null,
    metadata: {
      ...{ source_name: file, source_hash: '', file_execution_id: UUID, total_elapsed_time: 1 },
      ...{ workflow_id: UUID, execution_id: ID, workflow_start_time: 1, organization_id: 'o', tags: [] },
    },
  };
}

const refused = apiError('permission_denied', 'This route needs a key of kind organisation or admin');
const under = { status: 'EXECUTING', message: null };
const done = { status: 'COMPLETED', message: [fileResult('a.txt')] };
const readBefore = { status: 'COMPLETED', message: 'Result already acknowledged' };

type Answer = [status: number, body: unknown] | ((response: ServerResponse) => void);

/** A platform as a deployment's key sees it: the deployment answers polls in this order, the native API refuses. */
async function setup(polls: Answer[], posted: object = {}) {
  const asked: string[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'longshore-submit-'));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'a.txt');
  writeFileSync(file, 'Total: 5');
  const accepted = {
    ...{ execution_id: ID, execution_status: 'PENDING', status_api: '/', error: null, result: null },
    ...posted,
  };
  const server = createServer((request, response) => {
    const [path] = request.url!.split('?');
    asked.push(`${request.method} ${request.url}`);
    const isNative = path!.startsWith('/api/v1/');
    const answer: Answer =
      request.method === 'POST'
        ? [200, { message: accepted }]
        : isNative
          ? [refused.status, refused.body]
          : (polls.shift() ?? [500, {}]);
    request.resume().once('end', () => {
      if (typeof answer === 'function') return answer(response);
      response.writeHead(answer[0], { 'content-type': 'application/json' }).end(JSON.stringify(answer[1]));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const [out, err]: string[][] = [[], []];
  const terminal: Terminal = {
    out: (line) => out!.push(line),
    err: (line) => err!.push(line),
    status: () => undefined,
  };
  const run = (...words: string[]) => {
    const connection = ['--url', url, '--api-key', 'lsk_dep_0123456789abcdef'];
    return createProgram(terminal).parseAsync([...words, ...connection], { from: 'user' });
  };
  const submit = (...options: string[]) => run('submit', 'notes', file, ...options);
  return { run, submit, folder, asked, out: out!, err: err! };
}

describe("longshore submit with a deployment's key", () => {
  it('waits at the deployment itself, names the execution first, and shows what was found', async () => {
    const { submit, asked, out, err } = await setup([
      [422, under],
      [200, done],
    ]);
    await submit('--wait', '--include-extracted-text');
    const poll = `GET /deployment/api/default/notes?execution_id=${ID}&include_extracted_text=true`;
    expect(asked).toEqual([
      'POST /deployment/api/default/notes',
      `GET /api/v1/executions/${ID}?include_extracted_text=true`,
      ...[poll, poll],
    ]);
    expect(err).toEqual([`execution ${ID}`]);
    expect(out.at(-1)).toMatch(/^a.txt +5$/);
  });

  it('waits for a pipeline in the same way', async () => {
    const { run, asked, out } = await setup([[200, done]]);
    await run('pipelines', 'run', 'inbox', '--wait', '--json');
    expect(asked.at(-1)).toBe(`GET /deployment/pipeline/api/default/inbox?execution_id=${ID}`);
    expect(JSON.parse(out[0]!)).toMatchObject({ execution_id: ID, status: 'COMPLETED' });
  });

  it('--follow says that it cannot show what runs say, and waits', async () => {
    const { submit, out, err } = await setup([[200, done]]);
    await submit('--follow');
    expect(err).toEqual([`execution ${ID}`, expect.stringContaining("A deployment's key does not open")]);
    expect(out.at(-1)).toMatch(/^a.txt +5$/);
  });

  it.each<[string, Answer]>([
    ['refuses the key', [401, apiError('authentication_failed', 'The key was revoked').body]],
    ['has forgotten the execution', [404, apiError('not_found', 'Execution not found').body]],
    ['has trouble of its own', [500, {}]],
  ])('ends with "goes on" and the id when the platform %s meanwhile', async (_what, answer) => {
    const { submit, out, err } = await setup([[422, under], answer]);
    await expect(submit('--wait')).rejects.toMatchObject({
      exitCode: 5,
      message: expect.stringContaining(`The execution ${ID} was accepted and goes on`),
    });
    expect([out, err]).toEqual([[], [`execution ${ID}`]]);
  });

  it('shows what a repeated key is answered with, though the deployment hands it out no more', async () => {
    const posted = { execution_status: 'COMPLETED', result: done.message };
    const { submit, out } = await setup([[406, readBefore]], posted);
    await submit('--wait', '--json');
    expect(JSON.parse(out[0]!)).toMatchObject({ status: 'COMPLETED', result: done.message, error: null });
    const other = await setup([[406, readBefore]]);
    await expect(other.submit('--wait')).rejects.toMatchObject({
      exitCode: 1,
      message: `Execution ${ID} is COMPLETED, but there is no result to show: Result already acknowledged.`,
    });
  });
});

describe('longshore submit --wait', () => {
  const some = [fileResult('a.txt'), fileResult('b.txt', 'no text'), fileResult('c.txt', 'no text')];
  const complaint = {
    exitCode: 1,
    message: expect.stringContaining(`2 of 3 files of execution ${ID} failed`),
  };

  it('fails when files failed, as "longshore run" does, once it has shown them', async () => {
    const { submit, out } = await setup([[200, { status: 'COMPLETED', message: some }]]);
    await expect(submit('--wait')).rejects.toMatchObject(complaint);
    expect(out).toEqual(expect.arrayContaining(['2 files failed:', '  b.txt: no text']));
  });

  it('and so it does where the deployment waited', async () => {
    const { submit } = await setup([], { execution_status: 'COMPLETED', result: some });
    await expect(submit('--timeout', '5')).rejects.toMatchObject(complaint);
  });

  it('tells how an execution ended that is no success', async () => {
    const { submit } = await setup([[422, { status: 'ERROR', message: some }]]);
    await expect(submit('--wait')).rejects.toMatchObject({
      exitCode: 1,
      message: `Execution ${ID} ended as ERROR, as told above.`,
    });
  });
});

describe("longshore run with a deployment's key", () => {
  const lines = (out: readonly string[]) => JSON.parse(out[0]!) as unknown;

  it('reads each result at the deployment', async () => {
    const { run, folder, out, asked } = await setup([
      [422, under],
      [200, done],
    ]);
    const results = join(folder, 'results.jsonl');
    await run('run', '--deployment', 'default/notes', join(folder, 'a.txt'), '-o', results, '--json');
    expect(lines(out)).toMatchObject({ files: 1, succeeded: 1, failed: 0 });
    expect(asked.filter((line) => line.startsWith('POST'))).toHaveLength(1);
  });

  it('asks for a result again, under the key of the file, when the answer that had it was lost', async () => {
    const posted = { execution_status: 'COMPLETED', result: done.message };
    const { run, folder, out, asked } = await setup([[406, readBefore]], posted);
    const results = join(folder, 'results.jsonl');
    await run('run', '--deployment', 'default/notes', join(folder, 'a.txt'), '-o', results, '--json');
    expect(lines(out)).toMatchObject({ files: 1, succeeded: 1, failed: 0 });
    expect(asked.filter((line) => line.startsWith('POST'))).toHaveLength(2);
  });
});
