import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { apiError, type ExecutionSummary, type Run, type TaskSummary } from '@longshore/contracts';
import type { Terminal } from '../output/terminal.ts';
import { createProgram } from '../program.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const FAMILY = '0199a2c4-5b1e-7';
const [EXECUTION, TASK, OTHER] = ['000', '111', '222'].map((n) => `${FAMILY}${n}-8000-000000000000`) as [
  string,
  string,
  string,
];
const UNKNOWN = '019affff-0000-7000-8000-000000000000';

const runOf = (id: string, changes: Partial<Run> = {}): Run => ({
  ...{ run_id: id, parent_id: null, key: null, task: 'file.process', queue: 'q', file: 'a.pdf', starts: 1 },
  ...{ state: 'running', created_at: '2026-05-01T12:00:00.000Z', started_at: null, finished_at: null },
  ...{ error: null, attempts: [] },
  ...changes,
});
const child = (index: number, changes: Partial<Run> = {}) =>
  runOf(`${FAMILY}abc-8000-00000000000${index}`, { parent_id: EXECUTION, ...changes });
const FAILED = child(1, { state: 'failed', error: { code: 'broken', message: 'no paper', detail: null } });
const LATER = child(2, { created_at: '2026-05-01T12:10:00.000Z' });
const OF_TASK = child(3, { task: 'sum', file: null });

/** A platform with one execution of three runs, a task of two, and another execution of the same millisecond. */
async function setup() {
  const asked: string[] = [];
  const runs: Record<string, Run[]> = {
    [EXECUTION]: [runOf(EXECUTION), FAILED, LATER],
    [TASK]: [runOf(TASK), OF_TASK],
    [OTHER]: [runOf(OTHER)],
  };
  const answer = (url: URL): object | undefined => {
    const { pathname, searchParams: query } = url;
    if (pathname === '/api/v1/runs') return pageOf(runs[query.get('of')!], query);
    if (pathname === '/api/v1/executions')
      return { executions: [OTHER, EXECUTION].map(execution), next_cursor: null };
    if (pathname === '/tasks')
      return {
        ...{ tasks: [task(TASK)], total: 1, total_is_exact: true, limit: 1000, offset: 0, has_more: false },
      };
    const [id, isCancel] = [pathname.split('/').at(-2)!, pathname.endsWith('/cancel')];
    if (isCancel && pathname.startsWith('/tasks/'))
      return id === TASK ? { task_id: id, status: 'cancelled', message: 'done' } : undefined;
    return isCancel && id === EXECUTION ? { execution_id: id, status: 'STOPPED' } : undefined;
  };
  const server = createServer((request, response) => {
    const found = answer(new URL(request.url!, 'http://x'));
    if (request.method !== 'GET') asked.push(`${request.method} ${request.url}`);
    const body = found ?? apiError('not_found', 'No such thing').body;
    response.writeHead(found === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const [out, err]: [string[], string[]] = [[], []];
  const terminal: Terminal = {
    ...{ out: (line) => out.push(line), err: (line) => err.push(line), status: () => undefined },
  };
  const run = (...args: string[]) =>
    createProgram(terminal).parseAsync(
      ['runs', ...args, '--url', url, '--api-key', 'lsk_org_0123456789abcdef'],
      { from: 'user' },
    );
  return { run, out, err, asked };
}

/** Cursors are places in the list. */
function pageOf(runs: readonly Run[] | undefined, query: URLSearchParams): object | undefined {
  if (runs === undefined) return undefined;
  const [from, limit] = [Number(query.get('cursor') ?? 0), Number(query.get('limit'))];
  const state = query.get('state');
  const meant = runs.filter((one) => state === null || one.state === state);
  const next = from + limit < meant.length ? String(from + limit) : null;
  return { runs: meant.slice(from, from + limit), next_cursor: next };
}

const times = { created_at: '2026-05-01T12:00:00.000Z', started_at: null, finished_at: null };

function execution(id: string): ExecutionSummary {
  const counts = { total_files: 1, successful_files: 0, failed_files: 0 };
  const facts = { organisation: 'default', kind: 'api', api_name: 'x', status: 'EXECUTING' } as const;
  return { execution_id: id, ...facts, ...counts, ...times, tags: [], error: null, replay_of: null };
}

function task(id: string): TaskSummary {
  const facts = {
    organisation: 'default',
    task_name: 'sum',
    status: 'started',
    queue: 'q',
    priority: 0,
  } as const;
  return { task_id: id, ...facts, ...times, run_at: null, error: null, retry_of: null };
}

describe('longshore runs', () => {
  it('lists those of an execution, also without the word list', async () => {
    const { run, out } = await setup();
    await run(EXECUTION, '--json');
    expect(JSON.parse(out[0]!).runs).toHaveLength(3);
    await run('list', EXECUTION, '--state', 'failed', '--json');
    expect(JSON.parse(out[1]!).runs).toMatchObject([{ run_id: FAILED.run_id }]);
  });

  it.each([
    ['2026-05-01T11:00:00Z', 3],
    ['2026-05-01T12:05:00Z', 1],
    ['2026-05-01T13:00:00Z', 0],
  ])('lists those that were made since %s', async (since, count) => {
    const { run, out } = await setup();
    await run(EXECUTION, '--since', since, '--json');
    expect(JSON.parse(out[0]!)).toMatchObject({ runs: { length: count }, next_cursor: null });
  });

  it.each([[[]], [['list']]])('says where ids come from when none is given: %j', async (words) => {
    const { run } = await setup();
    await expect(run(...words)).rejects.toMatchObject({
      message: expect.stringMatching(
        /longshore runs 0199a2c4-.*"longshore executions".*"longshore tasks list"/,
      ),
      exitCode: 2,
    });
  });

  it('shows one by its own id, and what it is a part of', async () => {
    const { run, out } = await setup();
    await run('show', FAILED.run_id);
    expect(out).toEqual([
      `run      ${FAILED.run_id}`,
      'task     file.process a.pdf, queue q',
      'state    failed',
      `part of  ${EXECUTION}`,
      'made     2026-05-01 12:00:00Z',
      'error    no paper (broken)',
    ]);
    await run('show', OF_TASK.run_id, '--json');
    expect(JSON.parse(out.at(-1)!)).toMatchObject({ run_id: OF_TASK.run_id, of: TASK });
  });

  it('says that there is none of that id', async () => {
    const { run } = await setup();
    await expect(run('show', UNKNOWN)).rejects.toThrow(`There is no run ${UNKNOWN}`);
  });

  it('stops the whole that a run is a part of, and says which', async () => {
    const { run, out, asked } = await setup();
    await run('cancel', LATER.run_id, OF_TASK.run_id, EXECUTION);
    expect(out).toEqual([
      `${LATER.run_id} is a part of execution ${EXECUTION}: all of it is STOPPED`,
      `${OF_TASK.run_id} is a part of task ${TASK}: all of it is cancelled`,
      `${EXECUTION} STOPPED`,
    ]);
    expect(asked.filter((one) => !one.endsWith(`${TASK}/cancel`) || one.startsWith('DELETE'))).toEqual([
      `POST /api/v1/executions/${EXECUTION}/cancel`,
      `DELETE /tasks/${TASK}/cancel`,
      `POST /api/v1/executions/${EXECUTION}/cancel`,
    ]);
  });

  it('stops nothing for a part that has ended, or that is not there, and fails', async () => {
    const { run, out, asked } = await setup();
    await expect(run('cancel', FAILED.run_id, UNKNOWN, '--json')).rejects.toThrow(
      '2 of 2 could not be stopped.',
    );
    expect(JSON.parse(out[0]!).runs).toMatchObject([
      {
        of: EXECUTION,
        status: null,
        error: `It has ended as failed. To stop all that it is a part of, name ${EXECUTION}.`,
      },
      { of: null, status: null, error: 'There is no such run.' },
    ]);
    expect(asked).toEqual([]);
  });
});
