import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { silentLogger, systemClock } from '@longshore/runtime';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { openFileStore } from '../files/file-store.ts';
import { DEFAULTS } from '../retention/kept-executions.fixture.ts';
import { createRetention } from '../retention/retention-job.ts';
import { startBackend, type HttpBackend, type TestOrganisation } from '../testing/http-backend.ts';
import { answer, bearer, eventually, post, textFile } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { asking, startTaskWorker, type Ending } from './tasks.fixture.ts';

let postgres: TestPostgres;
let backend: HttpBackend;
let own: TestOrganisation;
let worker: Awaited<ReturnType<typeof startTaskWorker>>;
let client: ReturnType<typeof asking>;
const gates = new Map<string, (ending: Ending) => void>();

/** Ends as its parameters say; `hold` waits to be let go. */
function handle({ run_id, input }: { run_id: string; input: unknown }): Promise<Ending> | Ending {
  const { fail, hold } = input as { fail?: string; hold?: boolean };
  if (hold === true) return new Promise((resolve) => gates.set(run_id, resolve));
  return fail === undefined ? { output: { input } as never } : { failure: fail };
}

beforeAll(async () => {
  postgres = await startPostgres();
  backend = await startBackend(postgres);
  own = await backend.organisation();
  client = asking(backend, own);
  worker = await startTaskWorker(backend, handle, { concurrency: 10 });
});
afterEach(async () => {
  for (const end of gates.values()) end({ output: null });
  gates.clear();
  await eventually(async () => (await backend.rows())['dispatches'] === 0);
  expect(await brokenInvariants(backend.database)).toEqual([]);
});
afterAll(async () => {
  await worker?.stop();
  await backend?.stop();
  await postgres?.stop();
});

const task = (parameters: object = {}) => client.id({ task_name: 'anything', parameters });
async function ended(parameters: object = {}): Promise<string> {
  const id = await task(parameters);
  await client.result(id);
  return id;
}
async function held(): Promise<string> {
  const id = await task({ hold: true });
  await eventually(async () => gates.has(id));
  return id;
}
const cancel = (id: string) => client.ask('DELETE', `/${id}/cancel`);
const detailOf = ({ body }: { body: { errors: { detail: string }[] } }) => body.errors[0]!.detail;

describe('a cancel', () => {
  it('ends what waits at once, and says so again', async () => {
    const id = await client.id({ task_name: 'anything', delay: 60 });
    const { status, body } = await cancel(id);
    expect([status, body]).toEqual([
      200,
      { task_id: id, status: 'cancelled', message: `Task '${id}' was cancelled` },
    ]);
    expect((await cancel(id)).body.message).toBe(`Task '${id}' had been cancelled before`);
    expect(await client.status(id)).toMatchObject({ status: 'cancelled', error: { code: 'cancelled' } });
  });

  it('reaches what runs with the next heartbeat; what the worker says afterwards counts for nothing', async () => {
    const id = await held();
    expect((await cancel(id)).status).toBe(200);
    expect((await worker.beat()).cancelled).toContainEqual(expect.objectContaining({ run_id: id }));
    gates.get(id)!({ output: 'too late' });
    await eventually(async () => (await backend.rows())['dispatches'] === 0);
    expect(await client.result(id, 0)).toMatchObject({ status: 'cancelled', result: null });
  });

  it('comes too late for what has ended, and races are won by one', async () => {
    const done = await ended();
    expect([(await cancel(done)).status, detailOf(await cancel(done))]).toEqual([
      409,
      'The task is finished and can no longer be cancelled',
    ]);
    for (let round = 0; round < 20; round += 1) {
      const id = await task();
      const { status } = await cancel(id);
      expect((await client.result(id)).status).toBe(status === 200 ? 'cancelled' : 'finished');
    }
  });

  it('wakes who waits for the result', async () => {
    const id = await held();
    const waiting = client.result(id, 60);
    await cancel(id);
    expect((await waiting).status).toBe('cancelled');
  });
});

describe('the result of a task', () => {
  it('is answered after the time that was asked for, as far as it is', async () => {
    const id = await held();
    expect(await client.result(id, 0.2)).toMatchObject({
      status: 'started',
      result: null,
      finished_at: null,
    });
    expect((await client.ask('GET', `/${id}/result?wait=301`)).status).toBe(400);
  });

  it('of one that failed says why, without what belongs into the log', async () => {
    const id = await ended({ fail: 'no paper' });
    expect(await client.result(id)).toMatchObject({
      status: 'failed',
      error: { code: 'broken', message: 'no paper', detail: null },
      result: null,
    });
  });

  it('that lies in the file store is read from there', async () => {
    const id = await held();
    const { token } = worker.taken.find(({ run_id }) => run_id === id)!;
    const long = { text: 'y'.repeat(200_000) };
    const bytes = Buffer.from(JSON.stringify(long));
    const stored = await worker.call('PUT', `/v1/runs/${id}/output`, { body: bytes, token });
    const output = (await stored.json()) as { ref: string; size: number };
    const [run] = worker.taken.filter(({ run_id }) => run_id === id);
    const reports = [{ run_id: id, epoch: run!.epoch, token, outcome: 'succeeded', output, duration_ms: 1 }];
    await worker.call('POST', '/v1/reports', { body: { session_id: worker.sessionId, reports } });
    expect((await client.result(id)).result).toEqual(long);
  });
});

describe('a retry', () => {
  it('is a new task like the old one, or with other parameters', async () => {
    const id = await ended({ fail: 'once' });
    const same = await client.ask('POST', `/${id}/retry`, {});
    expect([same.status, same.body]).toMatchObject([201, { status: 'submitted', retry_of: id }]);
    expect((await client.result(same.body.task_id)).status).toBe('failed');
    const edited = await client.ask('POST', `/${id}/retry`, { parameters: { good: 1 } });
    expect((await client.result(edited.body.task_id)).result).toEqual({ input: { good: 1 } });
    expect((await client.ask('GET', `/${edited.body.task_id}`)).body).toMatchObject({
      retry_of: id,
      parameters: { good: 1 },
      worker: 'general-1',
      starts: 1,
    });
  });

  it('waits for the end of the old one, and checks what it is given', async () => {
    const id = await held();
    expect((await client.ask('POST', `/${id}/retry`, {})).status).toBe(409);
    const done = await client.id({ task_name: 'count', parameters: { text: 'x' } });
    await client.result(done);
    expect((await client.ask('POST', `/${done}/retry`, { parameters: { text: 7 } })).status).toBe(422);
    expect((await client.ask('POST', `/${done}/retry`, { parameter: {} })).status).toBe(400);
  });
});

describe('a replay of many', () => {
  const replays = (path = '') =>
    answer(fetch(`${backend.url}/api/v1/replays${path}`, { headers: bearer(own.key) })).then(
      ({ body }) => body,
    );

  it('submits each failed task once, with other parameters where it is told so, and is followed as others are', async () => {
    const failed = await Promise.all([1, 2, 3].map((n) => ended({ fail: `lost ${n}` })));
    await ended({ fine: true });
    const filter = { task: 'anything', since: '2020-01-01T00:00:00Z' };
    const tried = (await client.ask('POST', '/replay', { ...filter, dry_run: true })).body;
    expect(tried.matched).toBeGreaterThanOrEqual(3);
    const begun = await client.ask('POST', '/replay', {
      ...filter,
      parameters: { mended: 1 },
      per_minute: 6000,
    });
    expect([begun.status, begun.body.replay]).toMatchObject([202, { kind: 'tasks', state: 'running' }]);
    const id = begun.body.replay.replay_id as string;
    await eventually(async () => (await replays(`/${id}`)).state === 'done');
    expect((await replays(`/${id}`)).executions).toMatchObject({
      total: tried.matched,
      replayed: tried.matched,
    });
    const rows = await backend.database.query<{ id: string; retry_of: string }>(
      'select id, retry_of from submitted_tasks where retry_of = any($1::uuid[])',
      [failed],
    );
    expect(rows.map((row) => row.retry_of).toSorted()).toEqual(failed.toSorted());
    for (const row of rows) expect((await client.result(row.id)).result).toEqual({ input: { mended: 1 } });
    expect((await client.ask('POST', '/replay', filter)).body).toEqual({ matched: 0, replay: null });
  });
});

describe('deleting a task', () => {
  it('waits for its end, then leaves nothing of it', async () => {
    const id = await held();
    const refused = await client.ask('DELETE', `/${id}`);
    expect([refused.status, detailOf(refused)]).toEqual([
      409,
      'The task has not ended: cancel it, or wait for it',
    ]);
    gates.get(id)!({ output: 1 });
    await client.result(id);
    const { status, body } = await client.ask('DELETE', `/${id}`);
    expect([status, body]).toMatchObject([200, { task_id: id, removed: { runs: 1, submitted_tasks: 1 } }]);
    for (const path of ['', '/status', '/result', '/events'])
      expect((await client.ask('GET', `/${id}${path}`)).status).toBe(404);
    expect((await client.ask('DELETE', `/${id}`)).status).toBe(404);
  });

  it('does not reach executions, nor do the other routes', async () => {
    const deployment = await backend.deploy(own, 'invoices');
    const { body } = await post(deployment, [textFile('a.txt')]);
    const id = body.message.execution_id as string;
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/status'],
      ['DELETE', ''],
      ['DELETE', '/cancel'],
      ['POST', '/retry'],
    ] as const) {
      expect((await client.ask(method, `/${id}${path}`, method === 'POST' ? {} : undefined)).status).toBe(
        404,
      );
    }
    const url = `${backend.url}/api/v1/executions/${id}/cancel`;
    expect((await fetch(url, { method: 'POST', headers: bearer(own.key) })).status).toBe(200);
  });
});

describe('retention', () => {
  it('clears results and logs of tasks, and in the end their history', async () => {
    const id = await ended({ kept: 1 });
    const store = await openFileStore(backend.folder);
    const dependencies = { database: backend.database, store, clock: systemClock, logger: silentLogger() };
    const after = async (days: number) => {
      await backend.database.query(
        `update ended_executions set ended_at = now() - $2 * interval '1 day' where id = $1`,
        [id, days],
      );
      await createRetention(dependencies, DEFAULTS)(new AbortController().signal);
    };
    await after(31);
    expect(await client.result(id, 0)).toMatchObject({
      status: 'finished',
      result: null,
      result_expired: true,
    });
    await backend.database.query(
      `update organisations set retention = '{"history_days": 60}' where id = $1`,
      [own.id],
    );
    await after(61);
    expect((await client.ask('GET', `/${id}/status`)).status).toBe(404);
    const left = await backend.database.query('select 1 from submitted_tasks where id = $1', [id]);
    expect(left).toEqual([]);
    await backend.database.query(`update organisations set retention = '{}' where id = $1`, [own.id]);
  });

  it('the deletion of an organisation takes its tasks along, and nothing new is accepted for it', async () => {
    const gone = await backend.organisation();
    const theirs = asking(backend, gone);
    const id = await theirs.id({ task_name: 'anything', idempotency_key: 'k' });
    await theirs.result(id);
    const path = `/api/v1/organisations/${gone.name}?confirm=${gone.name}`;
    const wish = () =>
      fetch(`${backend.url}${path}`, { method: 'DELETE', headers: bearer(backend.adminKey) });
    const begun = (await answer(wish())).body;
    const as = { task_name: 'anything', organisation: gone.name };
    expect((await client.ask('POST', '/submit', as, backend.adminKey)).status).toBe(404);
    await eventually(async () => {
      const url = `${backend.url}/api/v1/deletions/${begun.deletion_id}`;
      return (await answer(fetch(url, { headers: bearer(backend.adminKey) }))).body.state === 'done';
    });
    for (const table of ['submitted_tasks', 'task_keys', 'runs'])
      expect(
        await backend.database.query(`select 1 from ${table} where organisation_id = $1`, [gone.id]),
      ).toEqual([]);
  });
});

describe('of two organisations', () => {
  it('neither sees, ends or repeats what is the other’s; an admin key names whose it means', async () => {
    const foreign = asking(backend, await backend.organisation());
    const id = await ended();
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/status'],
      ['GET', '/result'],
      ['GET', '/events'],
      ['DELETE', ''],
      ['DELETE', '/cancel'],
      ['POST', '/retry'],
    ] as const) {
      expect((await foreign.ask(method, `/${id}${path}`, method === 'POST' ? {} : undefined)).status).toBe(
        404,
      );
    }
    expect((await foreign.ask('GET', '')).body.tasks).toEqual([]);
    expect((await foreign.ask('GET', `?q=${id}`)).body.total).toBe(0);
    expect((await foreign.submit({ task_name: 'anything', organisation: own.name })).status).toBe(404);
    const made = await client.ask(
      'POST',
      '/submit',
      { task_name: 'anything', organisation: own.name },
      backend.adminKey,
    );
    expect((await client.result(made.body.task_id)).status).toBe('finished');
  });
});

describe('when too much waits', () => {
  it('a submit is told to come again, each item of many as well, and leaves nothing', async () => {
    const narrow = await startBackend(postgres, { maxWaitingRuns: 5 });
    await narrow.database.query(
      `insert into tasks (name, task_group, queue, description, input_schema, max_attempts, soft_limit_ms, hard_limit_ms, isolation)
       values ('lonely', 'General', 'default', '', '{}', 1, 1000, 1000, 'inline')`,
    );
    const theirs = asking(narrow, await narrow.organisation());
    const tasks = Array.from({ length: 20 }, () => ({ task_name: 'lonely' }));
    const { body } = await theirs.ask('POST', '/submit/bulk', { tasks });
    expect([body.submitted, body.refused]).toEqual([5, 15]);
    expect(body.results[19]).toMatchObject({ status: 'refused', http_status: 503 });
    const refused = await theirs.submit({ task_name: 'lonely' });
    expect([refused.status, Number(refused.headers.get('retry-after'))]).toEqual([503, 10]);
    expect((await narrow.rows())['runs']).toBe(5);
    await narrow.stop();
  });
});

describe('unfinished tasks', () => {
  it('do not count against the limits on executions', async () => {
    const narrow = await startBackend(postgres, { maxUnfinishedPerOrganisation: 1, maxUnfinished: 1 });
    const organisation = await narrow.organisation();
    await narrow.database.query(
      `insert into tasks (name, task_group, queue, description, input_schema, max_attempts, soft_limit_ms, hard_limit_ms, isolation)
       values ('lonely', 'General', 'default', '', '{}', 1, 1000, 1000, 'inline')`,
    );
    const theirs = asking(narrow, organisation);
    for (let n = 0; n < 3; n += 1) await theirs.id({ task_name: 'lonely' });
    const deployment = await narrow.deploy(organisation, 'invoices');
    expect((await post(deployment, [textFile('a.txt')])).status).toBe(200);
    expect((await post(deployment, [textFile('a.txt')])).status).toBe(429);
    await narrow.stop();
  });
});
