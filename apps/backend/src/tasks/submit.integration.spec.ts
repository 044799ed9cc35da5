import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startBackend, type HttpBackend, type TestOrganisation } from '../testing/http-backend.ts';
import { eventually, refusal } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { asking, startTaskWorker, types } from './tasks.fixture.ts';

let postgres: TestPostgres;
let backend: HttpBackend;
let own: TestOrganisation;
let worker: Awaited<ReturnType<typeof startTaskWorker>>;
let client: ReturnType<typeof asking>;

beforeAll(async () => {
  postgres = await startPostgres();
  backend = await startBackend(postgres);
  own = await backend.organisation();
  worker = await startTaskWorker(backend, ({ task, input }) => ({ output: { task, input } }));
  client = asking(backend, own);
});
afterEach(async () => {
  await eventually(async () => (await backend.rows())['dispatches'] === 0);
  expect(await brokenInvariants(backend.database)).toEqual([]);
});
afterAll(async () => {
  await worker?.stop();
  await backend?.stop();
  await postgres?.stop();
});

const queueOf = async (id: string) => {
  const [row] = await backend.database.query('select queue, priority from runs where id = $1', [id]);
  return [row!['queue'], row!['priority']];
};

/** How many tasks, and keys of tasks, there ever were. */
const written = () =>
  backend.database.query(
    'select (select count(*) from runs)::int as runs, (select count(*) from task_keys)::int as keys',
  );

describe('types of tasks', () => {
  it('are listed by name, without the steps of executions, and with all that is known where it is asked for', async () => {
    const { body } = await client.ask('GET', '/types');
    expect(body).toEqual({ types: ['anything', 'count', 'own'] });
    const details = (await client.ask('GET', '/types?details=true')).body.details;
    expect(details[1]).toEqual({
      name: 'count',
      group: 'Texts',
      queue: 'default',
      description: 'does count',
      input_schema: types[0]!.input_schema,
      max_attempts: 2,
      ...{ soft_limit_ms: 60_000, hard_limit_ms: 60_000, limits: [] },
      isolation: 'inline',
      served: true,
    });
  });
});

describe('a submitted task', () => {
  it('is answered as the contract says, runs, and gives its result to whoever waits', async () => {
    const parameters = { text: 'to be', times: 2 };
    const { status, body } = await client.submit({ task_name: 'count', parameters });
    expect([status, body]).toEqual([
      200,
      { task_id: expect.any(String), status: 'submitted', message: "Task 'count' submitted successfully" },
    ]);
    const result = await client.result(body.task_id);
    expect(result).toEqual({
      task_id: body.task_id,
      task_name: 'count',
      status: 'finished',
      created_at: expect.any(String),
      started_at: expect.any(String),
      finished_at: expect.any(String),
      progress: null,
      error: null,
      result: { task: 'count', input: parameters },
      result_expired: false,
    });
  });

  it('of a type that nobody registered is refused, steps of executions too', async () => {
    for (const task_name of ['nothing', 'file.process', 'a\\u0000b', '../x']) {
      const { status, body } = await client.submit({ task_name });
      expect([status, body]).toEqual([
        400,
        refusal('validation_error', 'invalid', `Unknown task type: ${task_name}`, 'task_name'),
      ]);
    }
  });

  it('with parameters that do not fit is told each place', async () => {
    const parameters = { times: -1, inner: { mail: 'x' } };
    const { status, body } = await client.submit({ task_name: 'count', parameters });
    expect(status).toBe(422);
    expect(body.type).toBe('validation_error');
    const places = body.errors
      .map(({ code, attr }: { code: string; attr: string }) => [code, attr])
      .toSorted();
    expect(places).toEqual([
      ['invalid_parameters', 'parameters.inner.mail'],
      ['invalid_parameters', 'parameters.text'],
      ['invalid_parameters', 'parameters.times'],
    ]);
  });

  it.each([
    [{}, 'task_name'],
    [{ task_name: 'anything', delay: -1 }, 'delay'],
    [{ task_name: 'anything', delay: 31_536_001 }, 'delay'],
    [{ task_name: 'anything', surprise: 1 }, 'surprise'],
  ])('as %j is refused for %s', async (body, attr) => {
    const refused = await client.submit(body);
    expect([refused.status, refused.body.errors[0].attr]).toEqual([400, attr]);
  });

  it('with parameters, or anything else, of every wrong kind is refused with the place of the mistake, and nothing is written', async () => {
    const wrongs: Record<string, unknown[]> = {
      parameters: ['text', '', 7, 0, true, false, null, [], [{}]],
      priority: [-101, 101, 'x', '5', 0.5, true, null, [1]],
      delay: ['x', '1', '', true, [1], { seconds: 1 }],
      task_name: [7, null, true, '', ['anything'], { a: 1 }, 'x'.repeat(101), 'x'.repeat(1_000_000)],
      idempotency_key: [7, null, true, '', ['a'], 'k'.repeat(256), 'k'.repeat(1_000_000)],
      'parameters.text': [7, true, null, ['a'], { a: 1 }],
      'parameters.times': ['2', 1.5, true, null, [1]],
      'parameters.inner': ['x', 1, null, []],
    };
    const fine = { task_name: 'count', parameters: { text: 'fine' }, idempotency_key: 'of wrong ones' };
    const bodyWith = (place: string, value: unknown) => {
      const [field, inner] = place.split('.') as [string, string?];
      const wrong = inner === undefined ? value : { ...fine.parameters, [inner]: value };
      return { ...fine, [field]: wrong };
    };
    const before = await written();
    for (const [place, values] of Object.entries(wrongs))
      for (const value of values) {
        const { status, body } = await client.submit(bodyWith(place, value));
        const told = [status, body.type, body.errors?.[0].attr];
        const expected = [place.includes('.') ? 422 : 400, 'validation_error', place];
        expect({ value, told }).toEqual({ value, told: expected });
      }
    expect(await written()).toEqual(before);
    // Its longest key is 255 characters long, and what was refused took no key from anybody.
    expect(await client.id({ task_name: 'anything', idempotency_key: 'k'.repeat(255) })).toBeTruthy();
    expect(await client.id(fine)).toBeTruthy();
  });

  it('with what no database can hold is refused, and nobody else with it', async () => {
    const bodies = [
      '{"a":"\\u0000"}',
      '{"\\u0000":1}',
      '{"a":"\\ud800"}',
      '{"a":1e999}',
      `{"a":${'['.repeat(200)}${']'.repeat(200)}}`,
    ];
    const sent = bodies.map((text) =>
      client.ask('POST', '/submit', `{"task_name":"anything","parameters":${text}}`),
    );
    const good = client.submit({ task_name: 'anything', parameters: { fine: true } });
    expect((await Promise.all(sent)).map(({ status }) => status)).toEqual(bodies.map(() => 400));
    expect((await good).status).toBe(200);
    expect((await client.ask('POST', '/submit', '{"task_name":')).status).toBe(400);
  });

  it('may bring five megabytes, and not nine', async () => {
    const text = 'x'.repeat(5_000_000);
    const id = await client.id({ task_name: 'count', parameters: { text } });
    expect((await client.result(id)).result.input.text).toHaveLength(5_000_000);
    const large = { task_name: 'count', parameters: { text: 'x'.repeat(9_000_000) } };
    expect((await client.submit(large)).status).toBe(413);
  });

  it('waits in the line that its priority says; in a queue of its own priority is its rank', async () => {
    const lineOf = async (task_name: string, priority: number) =>
      queueOf(await client.id({ task_name, priority }));
    expect(await lineOf('anything', 6)).toEqual(['high_priority', 0]);
    expect(await lineOf('anything', 5)).toEqual(['default', 0]);
    expect(await lineOf('anything', 0)).toEqual(['default', 0]);
    expect(await lineOf('anything', -1)).toEqual(['low_priority', 0]);
    expect(await lineOf('own', 77)).toEqual(['own', 77]);
  });

  it('failure mode 19: that nobody serves is accepted with a warning', async () => {
    await backend.database.query(
      `insert into tasks (name, task_group, queue, description, input_schema, max_attempts, soft_limit_ms, hard_limit_ms, isolation)
       values ('lonely', 'General', 'default', '', '{}', 1, 1000, 1000, 'inline')`,
    );
    const { status, body } = await client.submit({ task_name: 'lonely' });
    expect([status, body.warning]).toEqual([
      200,
      "No live worker serves 'lonely' in the queue 'default': it waits until one does",
    ]);
    expect((await client.ask('GET', `/${body.task_id}`)).body).toMatchObject({
      status: 'queued',
      warning: body.warning,
    });
    expect((await client.ask('DELETE', `/${body.task_id}/cancel`)).status).toBe(200);
  });

  it('with a delay is deferred until its time has come', async () => {
    const id = await client.id({ task_name: 'anything', delay: 1.2 });
    expect((await client.status(id)).status).toBe('deferred');
    const { status, created_at, started_at } = await client.result(id);
    expect(status).toBe('finished');
    expect(Date.parse(started_at) - Date.parse(created_at)).toBeGreaterThanOrEqual(1_190);
    const far = await client.id({ task_name: 'anything', delay: 31_536_000 });
    expect((await client.status(far)).status).toBe('deferred');
    expect((await client.ask('DELETE', `/${far}/cancel`)).body.status).toBe('cancelled');
  });
});

describe('an idempotency key', () => {
  it('names the first task, whatever comes at once, and refuses another request', async () => {
    const body = { task_name: 'anything', parameters: { a: 1, b: { c: 2, d: 3 } }, idempotency_key: 'once' };
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.submit(body)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const [id] = [...new Set(answers.map(({ body }) => body.task_id))];
    expect(new Set(answers.map(({ body }) => body.task_id)).size).toBe(1);
    const turned = { ...body, parameters: { b: { d: 3, c: 2 }, a: 1 } };
    expect((await client.submit(turned)).body.task_id).toBe(id);
    const other = await client.submit({ ...body, parameters: { a: 2 } });
    expect([other.status, other.body.errors[0]]).toMatchObject([
      409,
      { code: 'idempotency_conflict', attr: 'idempotency_key' },
    ]);
  });

  it('belongs to its organisation, ends after a day, and goes with its task', async () => {
    const body = { task_name: 'anything', idempotency_key: 'mine' };
    const first = await client.id(body);
    expect(await asking(backend, await backend.organisation()).id(body)).not.toBe(first);
    await client.result(first);
    await backend.database.query(
      `update task_keys set created_at = now() - interval '25 hours' where run_id = $1`,
      [first],
    );
    const second = await client.id(body);
    expect(second).not.toBe(first);
    expect(await client.id(body)).toBe(second);
    await client.result(second);
    expect((await client.ask('DELETE', `/${second}`)).status).toBe(200);
    expect(await client.id(body)).not.toBe(second);
  });
});

describe('many tasks in one call', () => {
  it('are each accepted or refused, in their order, and all accepted ones end', async () => {
    const good = Array.from({ length: 300 }, (_, n) => ({ task_name: 'anything', parameters: { n } }));
    const tasks = [
      { task_name: 'nothing' },
      ...good,
      { task_name: 'count', parameters: {} },
      { priority: 'x' },
    ];
    const { status, body } = await client.ask('POST', '/submit/bulk', { tasks });
    expect([status, body.submitted, body.refused]).toEqual([200, 300, 3]);
    const { results } = body;
    expect(results[0]).toEqual({
      status: 'refused',
      http_status: 400,
      errors: [{ code: 'invalid', detail: 'Unknown task type: nothing', attr: 'task_name' }],
    });
    expect(results[301]).toMatchObject({ status: 'refused', http_status: 422 });
    expect(results[302].errors.map(({ attr }: { attr: string }) => attr)).toEqual(['task_name', 'priority']);
    const last = results[300].task_id as string;
    expect((await client.result(last)).result.input).toEqual({ n: 299 });
    await eventually(async () => (await backend.rows())['live_executions'] === 0);
  });

  it('are at most a thousand, at least one', async () => {
    const tasks = Array.from({ length: 1_001 }, () => ({ task_name: 'anything' }));
    for (const each of [tasks, []])
      expect((await client.ask('POST', '/submit/bulk', { tasks: each })).status).toBe(400);
  });
});

describe('without a good key', () => {
  it('nothing is answered but 401 or 403', async () => {
    const codes = async (key: string | null) => {
      const { status, body } = await client.ask('GET', '/types', undefined, key);
      return [status, body.errors[0].code, body.errors[0].detail];
    };
    expect(await codes(null)).toEqual([401, 'key_required', 'Missing api key']);
    expect(await codes('lsk_org_nobody')).toEqual([401, 'authentication_failed', 'Unauthorized']);
    const { secret } = await backend.keys.create({
      kind: 'service',
      name: 'w',
      workers: ['general'],
      queues: ['own'],
    });
    expect((await codes(secret))[0]).toBe(403);
  });

  it('who forgets it again and again is not taken for somebody who guesses', async () => {
    for (let times = 0; times < 60; times += 1) {
      expect((await client.ask('GET', '/types', undefined, null)).status).toBe(401);
    }
  });
});
