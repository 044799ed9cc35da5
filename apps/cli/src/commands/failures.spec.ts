import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  apiError,
  ApiError,
  type ExecutionLogs,
  type LoggedAttempt,
  type LogLine,
} from '@longshore/contracts';
import type { PlatformClient } from '../client/platform-client.ts';
import type { Terminal } from '../output/terminal.ts';
import { createProgram } from '../program.ts';
import { createLogReader, follow, lineFor } from './logs.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const [FIRST, SECOND, MADE] = [1, 2, 3].map((n) => `019a0000-0000-7000-8000-00000000000${n}`) as [
  string,
  string,
  string,
];
const CAUSE = '0123456789abcdef';
const AT = '2026-05-01T12:00:00.000Z';

interface Asked {
  readonly what: string;
  readonly body: unknown;
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text === '' ? null : JSON.parse(text);
}

/** A platform that answers as it is told, by method and path. */
async function setup(answers: Readonly<Record<string, unknown>>) {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const what = `${request.method} ${request.url}`;
      asked.push({ what, body });
      const given = answers[what.split('?')[0]!];
      const [status, told] = given instanceof ApiError ? [given.status, given.body] : [200, given];
      const text = typeof told === 'string' ? told : JSON.stringify(told);
      response.writeHead(status, { 'content-type': 'application/json' }).end(text);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const [out, err]: [string[], string[]] = [[], []];
  const terminal: Terminal = {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    status: () => undefined,
  };
  const run = (args: readonly string[]) =>
    createProgram(terminal).parseAsync([...args, '--url', url, '--api-key', 'lsk_org_0123456789abcdef'], {
      from: 'user',
    });
  return { run, out, err, asked };
}

const replay = {
  replay_id: MADE,
  organisation: 'acme',
  state: 'done',
  request: { limit: 1000, only_failed: true },
  per_minute: 60,
  requested_at: AT,
  finished_at: AT,
  executions: { total: 3, waiting: 0, replayed: 2, refused: 1 },
};

describe('longshore failures', () => {
  const failure = {
    ...{ cause: CAUSE, organisation: 'acme', task: 'file.process', code: 'unreadable', count: 12 },
    message: 'page <n> is torn',
    first_at: AT,
    last_at: AT,
    example: { execution_id: FIRST, run_id: SECOND, message: 'page 7 is torn' },
  };

  it('shows one line for each cause, and says that there are more', async () => {
    const { run, out, asked } = await setup({
      'GET /api/v1/failures': { failures: [failure], causes: 3, complete: false },
    });
    await run(['failures', '--api-name', 'invoices', '--since', '2026-05-01', '--limit', '1']);
    expect(asked[0]!.what).toBe(
      'GET /api/v1/failures?api_name=invoices&since=2026-05-01T00%3A00%3A00.000Z&limit=1',
    );
    expect(out[2]).toBe(
      `${CAUSE}  12     2026-05-01 12:00:00Z  file.process  unreadable  page <n> is torn  ${FIRST}`,
    );
    expect(out.slice(3).join(' ')).toMatch(/2 more causes.*latest were counted/);
  });

  it('says so when nothing failed', async () => {
    const { run, out } = await setup({ 'GET /api/v1/failures': { failures: [], causes: 0, complete: true } });
    await run(['failures']);
    expect(out).toEqual(['Nothing has failed.']);
  });
});

describe('longshore replay', () => {
  it('runs named executions again with data from a file, and fails when one is refused', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'longshore-replay-'));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'data.json');
    writeFileSync(file, '{"a":1}');
    const { run, out, asked } = await setup({
      [`POST /api/v1/executions/${FIRST}/replay`]: apiError('conflict', 'The files are gone'),
      [`POST /api/v1/executions/${SECOND}/replay`]: {
        execution_id: MADE,
        replay_of: SECOND,
        status: 'PENDING',
      },
    });
    await expect(run(['replay', FIRST, SECOND, '--only-failed', '--custom-data', file])).rejects.toThrow(
      '1 of 2 could not be replayed.',
    );
    expect(asked.map(({ body }) => body)).toEqual([
      { only_failed: true, custom_data: { a: 1 } },
      { only_failed: true, custom_data: { a: 1 } },
    ]);
    expect(out).toEqual([
      `${FIRST} not replayed: The platform refused: The files are gone.`,
      `${SECOND} ${MADE}`,
    ]);
    writeFileSync(file, '[1]');
    await expect(run(['replay', FIRST, '--custom-data', file])).rejects.toThrow('must hold a JSON object');
  });

  it('submits nothing of what is named with --dry-run', async () => {
    const { run, out, asked } = await setup({});
    await run(['replay', FIRST, SECOND, '--dry-run']);
    await run(['replay', FIRST, '--dry-run', '--json']);
    expect(out).toEqual(['2 executions would be replayed.', '{"matched":1,"replay":null}']);
    await expect(run(['replay', FIRST, '--cause', CAUSE])).rejects.toThrow('not both');
    expect(asked).toEqual([]);
  });

  it('of many says how many there would be, and begins none unless it is told which', async () => {
    const { run, out, asked } = await setup({ 'POST /api/v1/replays': { matched: 7, replay: null } });
    await run(['replay', '--cause', CAUSE, '--per-minute', '5', '--dry-run']);
    expect([asked[0]!.body, out]).toEqual([
      { cause: CAUSE, only_failed: false, limit: 1000, per_minute: 5, dry_run: true },
      ['7 executions would be replayed.'],
    ]);
    await expect(run(['replay'])).rejects.toThrow('say --all');
    await expect(run(['replay', '--all', '--per-minute', 'x'])).rejects.toThrow('whole number');
    expect(asked).toHaveLength(1);
  });

  it('of many is followed to its end, and what was refused is told with the reason', async () => {
    const refused = [{ execution_id: FIRST, error: 'The files are gone' }];
    const { run, out, err, asked } = await setup({
      'POST /api/v1/replays': { matched: 3, replay: { ...replay, state: 'running' } },
      [`GET /api/v1/replays/${MADE}`]: { ...replay, refused },
      [`POST /api/v1/replays/${MADE}/cancel`]: { ...replay, state: 'cancelled' },
    });
    await expect(run(['replay', '--all', '--only-failed'])).rejects.toThrow('1 of 3');
    expect(asked[0]!.body).toMatchObject({ only_failed: true, per_minute: 60, dry_run: false });
    expect(out).toEqual([`Replay ${MADE} done: 2 of 3 begun, 1 refused.`]);
    expect(err).toEqual([`  ${FIRST}: The files are gone`]);
    await run(['replay', '--cancel', MADE]);
    expect(out[1]).toContain('cancelled');
  });
});

describe('replays of tasks', () => {
  const none = { matched: 0, replay: null };

  it('"longshore replay" names the command for tasks when its filter finds tasks alone', async () => {
    const { run, out, asked } = await setup({
      'POST /api/v1/replays': none,
      'POST /tasks/replay': { matched: 7, replay: null },
    });
    await expect(run(['replay', '--cause', CAUSE, '--since', '2026-05-01', '--dry-run'])).rejects.toThrow(
      'What the filter finds are 7 tasks: "longshore tasks replay" with it runs them again.',
    );
    const filter = { since: '2026-05-01T00:00:00.000Z', cause: CAUSE, limit: 1000, per_minute: 60 };
    expect(asked[1]!.body).toEqual({ ...filter, dry_run: true });
    expect(out).toEqual(['0 executions would be replayed.']);
  });

  it('"longshore replay" says of a task what it is', async () => {
    const waiting = { waits_for_limit: undefined, position: null };
    const { run, out } = await setup({
      [`POST /api/v1/executions/${FIRST}/replay`]: apiError('not_found', 'No such execution'),
      [`GET /tasks/${FIRST}/status`]: {
        ...{ task_id: FIRST, task_name: 'charge', status: 'failed', created_at: AT, started_at: AT },
        ...{ finished_at: AT, progress: null, error: null, attempt: 1, ...waiting },
      },
    });
    await expect(run(['replay', FIRST])).rejects.toThrow('1 of 1 could not be replayed.');
    expect(out).toEqual([`${FIRST} not replayed: this is a task: longshore tasks replay ${FIRST}`]);
  });

  it('run named tasks again with other parameters, and fail when one is refused', async () => {
    const made = { task_id: MADE, status: 'submitted', message: 'ok', retry_of: FIRST };
    const { run, out, asked } = await setup({
      [`POST /tasks/${FIRST}/retry`]: made,
      [`POST /tasks/${SECOND}/retry`]: apiError('conflict', 'It has not ended'),
    });
    await expect(run(['tasks', 'replay', FIRST, SECOND, '--parameters', '{"a":1}'])).rejects.toThrow(
      '1 of 2',
    );
    expect(asked.map(({ body }) => body)).toEqual([
      { parameters: { a: 1 }, delay: null },
      { parameters: { a: 1 }, delay: null },
    ]);
    expect(out[0]).toBe(`${FIRST} ${MADE}`);
    expect(out[1]).toContain(`${SECOND} not replayed: The platform refused: It has not ended`);
  });

  it('of many say how many there would be, are followed, and are told which', async () => {
    const done = { ...replay, kind: 'tasks', executions: { ...replay.executions, total: 2, refused: 0 } };
    const { run, out, asked } = await setup({
      'POST /tasks/replay': { matched: 2, replay: { ...done, state: 'running' } },
      [`GET /api/v1/replays/${MADE}`]: { ...done, refused: [] },
    });
    await run(['tasks', 'replay', '--task', 'charge', '--per-minute', '5', '--limit', '2']);
    expect(asked[0]!.body).toEqual({ task: 'charge', limit: 2, per_minute: 5, dry_run: false });
    expect(out).toEqual([`Replay ${MADE} done: 2 of 2 begun, 0 refused.`]);
    await expect(run(['tasks', 'replay'])).rejects.toThrow('say --all');
    await expect(run(['tasks', 'replay', '--all', '--parameters', 'null'])).rejects.toThrow('a JSON object');
    expect(asked).toHaveLength(2);
  });
});

describe('longshore logs', () => {
  const line = (number: number, seconds = number, message = `line ${number}`): LogLine => ({
    ...{ line: number, run_id: FIRST, task: 'file.process', file: 'a.pdf', level: 'info', message },
    at: new Date(Date.parse(AT) + seconds * 1000).toISOString(),
    fields: null,
  });

  /** A platform whose log is what `visible` holds when it is asked. */
  function reading() {
    const visible: LogLine[] = [];
    const attempts: LoggedAttempt[] = [];
    const standing = { ended: false };
    const starts: number[] = [];
    const call = async (_route: unknown, { query }: { query: Record<string, string> }) => {
      const start = Math.max(Number(query['after']), Number(query['cursor'] ?? 0));
      starts.push(start);
      const left = visible.filter(({ line: each }) => each > start).toSorted((a, b) => a.line - b.line);
      const next_cursor = left.length > 3 ? String(left[2]!.line) : null;
      const page = { lines: left.slice(0, 3), attempts, ...standing, expired: false, next_cursor };
      return page satisfies ExecutionLogs;
    };
    const reader = createLogReader({ url: '', call } as unknown as PlatformClient, FIRST, {});
    const read = async () => (await reader.read()).lines.map((each) => each.line);
    return { visible, attempts, standing, starts, reader, read };
  }

  it('are read page by page, each line once, those that became visible late too', async () => {
    const { visible, read, starts } = reading();
    visible.push(...[1, 2, 4, 5, 6].map((number) => line(number)));
    expect(await read()).toEqual([1, 2, 4, 5, 6]);
    expect(await read()).toEqual([]);
    visible.push(line(3, 6), line(7));
    expect(await read()).toEqual([3, 7]);
    expect(starts.slice(-2)).toEqual([2, 5]);
  });

  it('are followed until the end and what is said a moment after it', async () => {
    const { visible, standing, reader } = reading();
    visible.push(line(1));
    const pauses = [
      () => visible.push(line(2)),
      () => Object.assign(standing, { ended: true }) && visible.push(line(3)),
      () => visible.push(line(4)),
    ];
    const printed: number[] = [];
    const last = await follow(reader, (lines) => printed.push(...lines.map((each) => each.line)), {
      sleep: async () => void pauses.shift()!(),
    });
    expect([printed, last.ended, pauses]).toEqual([[1, 2, 3, 4], true, []]);
  });

  const lost: LoggedAttempt = {
    ...{ run_id: FIRST, start: 1, task: 'file.process', file: 'a.pdf', attempt: 1, worker: 'w-1' },
    ...{ outcome: 'worker_lost', final: false, error: null, ended_at: line(0, 1).at },
  };
  const failed: LoggedAttempt = {
    ...{ ...lost, start: 2, outcome: 'failed', final: true, ended_at: line(0, 3).at },
    error: { code: 'unreadable', message: 'torn', detail: null },
  };

  it('tell once each attempt that failed or lost its worker, where it belongs in time', async () => {
    const { visible, attempts, reader } = reading();
    visible.push(line(1), line(2));
    attempts.push(lost);
    const first = (await reader.read()).lines;
    attempts.push(failed);
    const second = (await reader.read()).lines;
    expect([first, second].map((lines) => lines.map(lineFor))).toEqual([
      [
        '2026-05-01T12:00:01.000Z INFO a.pdf: line 1',
        '2026-05-01T12:00:01.000Z WARN a.pdf: attempt 1 lost its worker, and begins again',
        '2026-05-01T12:00:02.000Z INFO a.pdf: line 2',
      ],
      ['2026-05-01T12:00:03.000Z ERROR a.pdf: attempt 1 failed: torn (unreadable)'],
    ]);
    expect((await reader.read()).lines).toEqual([]);
  });

  it('of an execution that said nothing say so on standard error', async () => {
    const nothing = { lines: [], ended: true, expired: false, next_cursor: null };
    const { run, out, err } = await setup({ [`GET /api/v1/executions/${FIRST}/logs`]: nothing });
    await run(['logs', FIRST]);
    expect([out, err]).toEqual([[], ['Nothing was said.']]);
  });

  const stream = (...events: [string, object][]) =>
    events
      .map(([event, data], id) => `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
      .join('');
  const unknown = apiError('not_found', 'No such execution');

  it('of a task end with the failure that decided it, whatever level is asked for', async () => {
    const declined = { code: 'card_declined', message: 'The card was declined', detail: null };
    const { run, out, err } = await setup({
      [`GET /api/v1/executions/${FIRST}/logs`]: unknown,
      [`GET /tasks/${FIRST}/events`]: stream(
        ['log', { at: AT, level: 'info', message: 'charging 7', fields: null }],
        ['status', { status: 'failed', attempt: 1 }],
        ['end', { task_id: FIRST, status: 'failed', finished_at: AT, error: declined }],
      ),
    });
    await run(['logs', FIRST]);
    await run(['logs', FIRST, '--level', 'error']);
    const last = `${AT} failed: The card was declined (card_declined)`;
    expect([out, err]).toEqual([[`${AT} INFO charging 7`, last, last], []]);
  });

  it('of a task tell of each attempt where it ended, however late the platform does', async () => {
    const at = (second: number) => `2026-05-01T12:00:0${second}.000Z`;
    const log = (second: number) =>
      ['log', { at: at(second), level: 'info', message: `said ${second}`, fields: null }] as [string, object];
    const lost = { attempt: 1, outcome: 'lost', started_at: at(1), ended_at: at(3), error: null };
    const { run, out } = await setup({
      [`GET /api/v1/executions/${FIRST}/logs`]: unknown,
      [`GET /tasks/${FIRST}/events`]: stream(
        ...[log(2), log(4)],
        ['attempt', lost],
        ['end', { task_id: FIRST, status: 'finished', finished_at: at(4), error: null }],
      ),
    });
    await run(['logs', FIRST]);
    expect(out.map((line) => line.slice(0, 34))).toEqual([
      `${at(2)} INFO said`,
      `${at(3)} attempt 1`,
      `${at(4)} INFO said`,
    ]);
  });

  it('of a task that goes on tell what was said so far, and that nothing was', async () => {
    const { run, out, err } = await setup({
      [`GET /api/v1/executions/${FIRST}/logs`]: unknown,
      [`GET /tasks/${FIRST}/events`]: stream(['status', { status: 'started', attempt: 1 }]),
    });
    await run(['logs', FIRST]);
    expect([out, err]).toEqual([[], ['Nothing was said so far.']]);
  });

  it('show no control characters of a document', () => {
    expect(lineFor({ ...line(1, 0, 'red \u001B[31m\nsecond'), fields: { n: 1 } })).toBe(
      `${AT} INFO a.pdf: red  [31m second {"n":1}`,
    );
  });
});
