import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { Terminal } from '../output/terminal.ts';
import { createProgram } from '../program.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const ID = '019a0000-0000-7000-8000-000000000001';
const NOW = '2026-01-01T00:00:00.000Z';
const status = {
  ...{
    task_id: ID,
    task_name: 'work',
    status: 'finished',
    created_at: NOW,
    started_at: NOW,
    finished_at: NOW,
  },
  ...{ progress: { percentage: 40, message: 'half', data: null }, error: null },
};

/** A platform that answers as it is told to, by method and path. */
async function setup(answers: Readonly<Record<string, unknown>>, ask?: Terminal['ask']) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const [path] = request.url!.split('?');
      asked.push(`${request.method} ${request.url}${body === '' ? '' : ` ${body}`}`);
      const answer = answers[`${request.method} ${path}`];
      if (typeof answer === 'function') return void answer(response, request.headers);
      response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify(
          answer ?? {
            type: 'client_error',
            errors: [{ code: 'not_found', detail: 'No such task', attr: null }],
          },
        ),
      );
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const told = { out: [] as string[], err: [] as string[] };
  const terminal: Terminal = {
    out: (line) => told.out.push(line),
    err: (line) => told.err.push(line),
    status: () => undefined,
    ask,
  };
  const run = (...args: string[]) => {
    const [name = '', ...rest] = args;
    const given = ['tasks', name, '--url', url, '--api-key', 'lsk_org_0123456789abcdef', ...rest];
    return createProgram(terminal).parseAsync(given, { from: 'user' });
  };
  return { run, asked, ...told };
}

describe('longshore tasks', () => {
  it('submit sends what it is told, prints the id, and passes a warning on', async () => {
    const answer = { task_id: ID, status: 'submitted', message: 'm', warning: 'nobody serves it' };
    const { run, asked, out, err } = await setup({ 'POST /tasks/submit': answer });
    await run('submit', 'work', '{"a":1}', '--priority', '-7', '--delay', '2m', '--key', 'k');
    expect(asked).toEqual([
      'POST /tasks/submit {"task_name":"work","parameters":{"a":1},"priority":-7,"delay":120,"idempotency_key":"k"}',
    ]);
    expect([out, err]).toEqual([[ID], ['nobody serves it']]);
  });

  it('submit takes single parameters, which go before those of the object', async () => {
    const { run, asked } = await setup({
      'GET /tasks/types': { types: [], details: [] },
      'POST /tasks/submit': { task_id: ID, status: 'submitted', message: 'm' },
    });
    await run('submit', 'work', '{"a":1,"b":2}', '-p', 'b=[3]', '-p', 'c=x=y', '-p', 'd=007');
    expect(JSON.parse(asked[1]!.slice(asked[1]!.indexOf('{')))).toMatchObject({
      parameters: { a: 1, b: [3], c: 'x=y', d: '007' },
    });
  });

  it('submit sends single parameters in the types that the task says', async () => {
    const { run, asked } = await setup({
      ...answers,
      'GET /tasks/types': {
        types: ['work'],
        details: [
          { ...type, input_schema: { properties: { id: { type: 'string' }, n: { type: 'integer' } } } },
        ],
      },
    });
    await run('submit', 'work', '-p', 'id=17', '-p', 'n=17', '-p', 'other=17');
    expect(asked.at(-1)).toContain('"parameters":{"id":"17","n":17,"other":17}');
  });

  it('submit says which type was likely meant, of those that there are', async () => {
    const refusal = (response: ServerResponse) => {
      const error = { code: 'invalid', detail: 'Unknown task type: wrok', attr: 'task_name' };
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ type: 'validation_error', errors: [error] }));
    };
    const { run } = await setup({ ...answers, 'POST /tasks/submit': refusal });
    await expect(run('submit', 'wrok', '{}')).rejects.toMatchObject({
      message: 'The platform refused: task_name: Unknown task type: wrok. Did you mean work?',
      exitCode: 1,
    });
    await expect(run('submit', 'else', '{}')).rejects.toMatchObject({ message: 'Unknown task type: wrok' });
  });

  it('submit --wait names the task first, and ends with "goes on" when it can be asked no more', async () => {
    const { run, out, err } = await setup({
      'POST /tasks/submit': { task_id: ID, status: 'submitted', message: 'm', warning: 'nobody serves it' },
    });
    await expect(run('submit', 'work', '{}', '--wait')).rejects.toMatchObject({
      message: expect.stringContaining(`The task ${ID} was accepted and goes on`),
      exitCode: 5,
    });
    expect([out, err]).toEqual([[], [`task ${ID}`, 'nobody serves it']]);
  });

  const type = {
    ...{ name: 'work', group: 'g', queue: 'q', description: 'd', max_attempts: 1, isolation: 'inline' },
    ...{ soft_limit_ms: 1, hard_limit_ms: 1, limits: [], served: true },
    input_schema: { properties: { pages: { type: 'integer' } }, required: ['pages'] },
  };
  const answers = {
    'GET /tasks/types': { types: ['work'], details: [type] },
    'POST /tasks/submit': { task_id: ID, status: 'submitted', message: 'm' },
  };

  it('submit asks for what the schema of the task wants where somebody sits at the terminal', async () => {
    const given = ['many', '3'];
    const { run, asked, err } = await setup(answers, async () => given.shift()!);
    await run('submit', 'work');
    expect(asked.at(-1)).toContain('"parameters":{"pages":3}');
    expect(err).toEqual(['pages is a whole number.']);
  });

  it('submit asks nothing of scripts: with --json, with parameters, and where nobody is there', async () => {
    const ask = () => Promise.reject(new Error('asked'));
    const beside = await setup(answers, ask);
    await beside.run('submit', 'work', '--json');
    await beside.run('submit', 'work', '{}');
    const alone = await setup(answers);
    await alone.run('submit', 'work');
    for (const { asked } of [beside, alone])
      expect(asked.every((line) => line.startsWith('POST') && line.includes('"parameters":{}'))).toBe(true);
  });

  it('submit --follow shows what the task says while it works, and prints its result', async () => {
    const events = (response: ServerResponse) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const event = (id: string, name: string, data: object) =>
        `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
      response.write(event('1', 'log', { at: NOW, level: 'info', message: 'hello' }));
      response.write(event('2', 'progress', { percentage: 40, message: 'half' }));
      response.end(event('3', 'end', { status: 'finished' }));
    };
    const { run, out, err } = await setup({
      ...answers,
      [`GET /tasks/${ID}/events`]: events,
      [`GET /tasks/${ID}/result`]: { ...status, result: { pages: 3 }, result_expired: false },
    });
    await run('submit', 'work', '-p', 'pages=3', '--follow');
    expect(err).toEqual([`task ${ID}`, `${NOW} INFO hello`, 'progress 40 half', 'end finished']);
    expect(out).toEqual(['{"pages":3}']);
  });

  it.each([
    [['submit', 'work', '-p', 'pages'], /-p needs a name and a value/],
    [['submit', 'work', '[1]'], /no JSON object/],
    [['submit', 'work', '{a'], /no JSON/],
    [['submit', 'work', '{}', '--priority', 'high'], /Write a whole number from -100 to 100/],
    [['submit', 'work', '{}', '--delay', 'soon'], /no duration/],
  ])('%j is refused before anything is sent', async (args, reason) => {
    const { run, asked } = await setup({});
    await expect(run(...args)).rejects.toThrow(reason);
    expect(asked).toEqual([]);
  });

  it('result prints what the task returned; one that failed is told as an error', async () => {
    const good = { ...status, result: { sum: 3 }, result_expired: false };
    const { run, asked, out } = await setup({ [`GET /tasks/${ID}/result`]: good });
    await run('result', ID, '--wait');
    expect([out, asked]).toEqual([['{"sum":3}'], [`GET /tasks/${ID}/result?wait=300`]]);
    const error = { code: 'x', message: 'no paper', detail: null };
    const bad = { ...status, status: 'failed', error, result: null, result_expired: false };
    const failed = await setup({ [`GET /tasks/${ID}/result`]: bad });
    await expect(failed.run('result', ID)).rejects.toMatchObject({
      message: `Task ${ID} is failed: no paper`,
      exitCode: 1,
    });
    const goes = { ...status, status: 'started', result: null, result_expired: false };
    const unfinished = await setup({ [`GET /tasks/${ID}/result`]: goes });
    await expect(unfinished.run('result', ID)).rejects.toMatchObject({ exitCode: 5 });
  });

  it('status, list, types and cancel show what the platform knows', async () => {
    const listed = {
      ...{
        task_id: ID,
        organisation: 'o',
        task_name: 'work',
        status: 'failed',
        queue: 'default',
        priority: 0,
      },
      ...{
        created_at: NOW,
        run_at: null,
        started_at: NOW,
        finished_at: NOW,
        error: 'no paper',
        retry_of: null,
      },
    };
    const page = { tasks: [listed], total: 3, total_is_exact: true, limit: 1, offset: 0, has_more: true };
    const detail = {
      ...{ name: 'work', group: 'General', queue: 'default', description: 'works', input_schema: {} },
      ...{ max_attempts: 3, soft_limit_ms: 1, hard_limit_ms: 2, isolation: 'inline', served: false },
      limits: [{ per: 'input.customer', concurrency: 1, rate: { runs: 10, per_ms: 1000 } }],
    };
    const { run, asked, out } = await setup({
      [`GET /tasks/${ID}/status`]: status,
      'GET /tasks': page,
      'GET /tasks/types': { types: ['work'], details: [detail] },
      [`DELETE /tasks/${ID}/cancel`]: { task_id: ID, status: 'cancelled', message: 'It was cancelled' },
    });
    await run('status', ID);
    await run('list', '--status', 'failed', '-q', 'paper', '--limit', '1');
    await run('types');
    await run('cancel', ID);
    expect(out[0]).toBe('finished 40 % half');
    expect(out.join('\n')).toMatch(/no paper/);
    expect(out).toContain('1 of 3; go on with --offset 1');
    expect(
      out.some((line) =>
        /^work +General +default +NO +1 at once, 10 starts in 1\.0 s per input\.customer +works$/.test(line),
      ),
    ).toBe(true);
    expect(out.at(-1)).toBe('It was cancelled');
    expect(asked[1]).toBe('GET /tasks?status=failed&q=paper&limit=1');
    await expect(run('status', '019a0000-0000-7000-8000-000000000002')).rejects.toThrow('No such task');
  });

  it('list refuses a status that there is not before anything is sent', async () => {
    const { run, asked } = await setup({});
    jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    cleanups.push(() => jest.restoreAllMocks());
    await expect(run('list', '--status', 'done')).rejects.toThrow(/Allowed choices are queued, deferred/);
    expect(asked).toEqual([]);
  });

  it('show tells all of a task, also why an attempt failed and what it waits for; delete removes it', async () => {
    const detail = {
      ...{ ...status, organisation: 'o', queue: 'q', priority: 3, run_at: null, retry_of: null },
      ...{ parameters: { a: 1 }, attempts: 1, max_attempts: 3, starts: 2, worker: 'w-1', finished_at: null },
      past_attempts: [
        {
          ...{ attempt: 1, outcome: 'failed', started_at: NOW, ended_at: NOW, worker: 'w-1' },
          error: { code: 'broken', message: 'no paper', detail: null },
        },
      ],
      waits_for_limit: [{ per: 'task', concurrency: 2 }],
    };
    const { run, out, asked } = await setup({
      [`GET /tasks/${ID}`]: detail,
      [`DELETE /tasks/${ID}`]: { task_id: ID, removed: { runs: 1 } },
    });
    await run('show', ID);
    expect(out).toContain(`${NOW} attempt 1 failed and is tried again: no paper (broken)`);
    expect(out).toContain('waits for a limit: 2 at once per task');
    expect(out).toContain('attempts: 1 failed of at most 3; started 2 times, last by w-1');
    expect(out.at(-1)).toBe('parameters: {"a":1}');
    await run('delete', ID);
    expect([asked.at(-1), out.at(-1)]).toEqual([`DELETE /tasks/${ID}`, `Deleted task ${ID}.`]);
  });

  it('events takes a stream that was cut up again, after what came last', async () => {
    const seen: (string | undefined)[] = [];
    const stream = (response: ServerResponse, headers: Record<string, string | undefined>) => {
      seen.push(headers['last-event-id']);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const event = (id: string, name: string, data: object) =>
        `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
      if (seen.length > 1) return void response.end(event('2.end', 'end', { status: 'finished' }));
      response.write('retry: 1000\n\n: still there\n\n');
      const line = event('1.0', 'log', { at: NOW, level: 'info', message: 'hello\u001b[31m' });
      response.write(line.slice(0, 20));
      response.write(line.slice(20));
      const error = { code: 'broken', message: 'no paper', detail: null };
      const attempt = { attempt: 1, outcome: 'failed', error, ended_at: NOW };
      response.write(event('1.0.1', 'attempt', attempt), () => response.destroy());
    };
    const { run, out } = await setup({ [`GET /tasks/${ID}/events`]: stream });
    await run('events', ID);
    expect(seen).toEqual([undefined, '1.0.1']);
    expect(out[0]).toMatch(new RegExp(`^${NOW} INFO hello`));
    expect(out[0]).not.toContain('\u001b');
    expect(out[1]).toBe(`${NOW} attempt 1 failed and is tried again: no paper (broken)`);
    expect(out[2]).toBe('end finished');
  });
});
