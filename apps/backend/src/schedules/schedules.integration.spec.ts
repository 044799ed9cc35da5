import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startTaskWorker } from '../tasks/tasks.fixture.ts';
import { startBackend, type HttpBackend, type TestOrganisation } from '../testing/http-backend.ts';
import { answer, bearer, eventually, refusal } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { forgetOldFirings } from './firings.ts';

let postgres: TestPostgres;
let backend: HttpBackend;
let organisation: TestOrganisation;
let worker: Awaited<ReturnType<typeof startTaskWorker>>;

beforeAll(async () => {
  postgres = await startPostgres();
  backend = await startBackend(postgres);
  organisation = await backend.organisation();
  worker = await startTaskWorker(backend, ({ input }) => ({ output: input }));
  await apply([
    { kind: 'workflow', name: 'totals', steps: [{ read: {} }] },
    {
      ...{ kind: 'pipeline', pipeline_id: 'inbox', workflow: 'totals', destination: 'none' },
      source: { folder: { path: '/data/in' } },
    },
  ]);
});
afterAll(async () => {
  try {
    expect(await brokenInvariants(backend.database)).toEqual([]);
  } finally {
    await worker?.stop();
    await backend?.stop();
    await postgres?.stop();
  }
});

function ask(method: string, path: string, body?: unknown, key: string | null = organisation.key) {
  return answer(
    fetch(`${backend.url}${path}`, {
      method,
      headers: { ...bearer(key), ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  );
}

const apply = (documents: object[], dry_run = false) =>
  ask('POST', '/api/v1/apply', { organisation: organisation.name, documents, dry_run }, backend.adminKey);

let names = 0;
const nameOf = () => `s${(names += 1)}`;
const YEARLY = { cron: '0 0 1 1 *', task: 'anything' };
async function made(body: object = YEARLY) {
  const { status, body: said } = await ask('POST', '/schedules', { name: nameOf(), ...body });
  if (status !== 201) throw new Error(JSON.stringify(said));
  return said;
}
const firings = async (id: string) => (await ask('GET', `/schedules/${id}/firings`)).body.firings;

describe('a schedule by API', () => {
  it('is created with its next times, fires, and its task runs', async () => {
    const schedule = await made({ every: '1s', task: 'anything', parameters: { a: 1 }, overlap: 'allow' });
    expect(schedule).toMatchObject({ state: 'active', paused: false, fired: 0, every: '1s' });
    expect(schedule.next).toHaveLength(5);
    const id = schedule.schedule_id as string;
    await eventually(async () => (await firings(id)).length >= 2);
    expect((await ask('POST', `/schedules/${id}/pause`)).body).toMatchObject({
      state: 'paused',
      next_at: null,
    });
    const lines = await firings(id);
    expect(lines[0]).toMatchObject({ outcome: 'fired', execution_id: null, by_hand: false });
    expect(lines.at(-1).delay_ms).toBeLessThan(5_000);
    const { body } = await ask('GET', `/tasks/${lines.at(-1).task_id}/result?wait=20`);
    expect(body).toMatchObject({ status: 'finished', result: { a: 1 } });
    const fired = (await ask('GET', `/schedules/${id}`)).body.fired as number;
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect((await ask('GET', `/schedules/${id}`)).body.fired).toBe(fired);
    expect((await ask('POST', `/schedules/${id}/resume`)).body.state).toBe('active');
    await eventually(async () => (await ask('GET', `/schedules/${id}`)).body.fired > fired);
    expect((await ask('DELETE', `/schedules/${id}`)).status).toBe(200);
    expect((await ask('GET', `/schedules/${id}`)).status).toBe(404);
  });

  it('runs a pipeline', async () => {
    const schedule = await made({ cron: '0 0 1 1 *', pipeline: 'inbox', force: true });
    const { status, body } = await ask('POST', `/schedules/${schedule.schedule_id}/run`);
    expect([status, body]).toEqual([
      201,
      expect.objectContaining({ outcome: 'fired', by_hand: true, task_id: null }),
    ]);
    const [run] = await backend.database.query<{ input: object; task: string }>(
      'select input, task from runs where id = $1',
      [body.execution_id],
    );
    expect(run).toMatchObject({ task: 'pipeline.plan', input: { pipeline_id: 'inbox', force: true } });
    const cancelled = await ask('POST', `/api/v1/executions/${body.execution_id}/cancel`);
    expect(cancelled.status).toBe(200);
  });

  it('of a pipeline that is not active does nothing, and says so', async () => {
    await apply([
      {
        ...{ kind: 'pipeline', pipeline_id: 'off', workflow: 'totals', destination: 'none', active: false },
        source: { folder: { path: '/data/in' } },
      },
    ]);
    const schedule = await made({ every: '1s', pipeline: 'off' });
    const id = schedule.schedule_id as string;
    await eventually(async () => (await firings(id)).length > 0);
    expect((await firings(id))[0]).toMatchObject({ outcome: 'failed', reason: 'The pipeline is not active' });
    expect((await ask('POST', `/schedules/${id}/run`)).status).toBe(409);
    await ask('DELETE', `/schedules/${id}`);
  });

  it('is changed key by key; other times make the first after now the next', async () => {
    const { schedule_id: id, next_at: before } = await made({
      ...YEARLY,
      description: 'x',
      time_zone: 'Europe/Berlin',
    });
    const kept = await ask('PATCH', `/schedules/${id}`, { description: null, catch_up: 'latest' });
    expect(kept.body).toMatchObject({ catch_up: 'latest', next_at: before });
    expect(kept.body).not.toHaveProperty('description');
    const { body } = await ask('PATCH', `/schedules/${id}`, { cron: null, time_zone: null, every: '1m' });
    expect(body).toMatchObject({ every: '1m' });
    expect(new Date(body.next_at).getTime()).toBeLessThan(Date.parse(before));
    const refused = await ask('PATCH', `/schedules/${id}`, { cron: '0 0 1 1 *' });
    expect(refused).toMatchObject({ status: 400, body: { errors: [{ attr: 'cron' }] } });
    const wrong = await ask('PATCH', `/schedules/${id}`, { task: 'count', parameters: {} });
    expect(wrong).toMatchObject({ status: 422, body: { errors: [{ attr: 'parameters.text' }] } });
  });

  it('shows as many of its next times as are asked for, in its zone', async () => {
    const { schedule_id: id } = await made({
      cron: '30 2 * * *',
      time_zone: 'Australia/Lord_Howe',
      task: 'anything',
    });
    expect((await ask('GET', `/schedules/${id}?preview=3`)).body.next).toHaveLength(3);
    expect((await ask('GET', `/schedules/${id}?preview=0`)).body.next).toEqual([]);
    expect((await ask('GET', `/schedules/${id}?preview=101`)).status).toBe(400);
    expect((await ask('GET', `/schedules/${id}?prevue=3`)).status).toBe(400);
  });

  it('is found in lists by name and state, page by page', async () => {
    const own = await backend.organisation();
    for (const name of ['c', 'a', 'b'])
      await ask('POST', '/schedules', { name, ...YEARLY, paused: name === 'b' }, own.key);
    const list = async (query: string) => (await ask('GET', `/schedules${query}`, undefined, own.key)).body;
    const namesIn = ({ schedules }: { schedules: { name: string }[] }) => schedules.map(({ name }) => name);
    expect(namesIn(await list(''))).toEqual(['a', 'b', 'c']);
    expect(namesIn(await list('?state=paused'))).toEqual(['b']);
    expect(namesIn(await list('?name=c'))).toEqual(['c']);
    const first = await list('?limit=2');
    expect(namesIn(first)).toEqual(['a', 'b']);
    expect(namesIn(await list(`?limit=2&cursor=${first.next_cursor}`))).toEqual(['c']);
  });

  it('that ends says so, and does not resume', async () => {
    const soon = new Date(Date.now() + 2_500).toISOString();
    const { schedule_id: id } = await made({
      every: '1s',
      task: 'anything',
      ends_at: soon,
      overlap: 'allow',
    });
    await eventually(async () => (await ask('GET', `/schedules/${id}`)).body.state === 'ended');
    expect((await ask('POST', `/schedules/${id}/resume`)).body).toMatchObject({ state: 'ended', next: [] });
  });
});

describe('what cannot be a schedule is refused with its place', () => {
  it.each([
    [{ ...YEARLY, cron: '0 0 30 2 *' }, 400, 'cron'],
    [{ ...YEARLY, cron: 'x' }, 400, 'cron'],
    [{ ...YEARLY, cron: 'x\u0000' }, 400, 'body'],
    [{ ...YEARLY, time_zone: 'Nowhere' }, 400, 'time_zone'],
    [{ ...YEARLY, every: '5m' }, 400, 'cron'],
    [{ task: 'anything' }, 400, 'cron'],
    [{ cron: '* * * * *' }, 400, 'task'],
    [{ every: '0s', task: 'anything' }, 400, 'every'],
    [{ every: '999ms', task: 'anything' }, 400, 'every'],
    [{ every: '9999999d', task: 'anything' }, 400, 'every'],
    [{ every: '10s', jitter: '10s', task: 'anything' }, 400, 'jitter'],
    [{ every: '10s', time_zone: 'UTC', task: 'anything' }, 400, 'time_zone'],
    [{ ...YEARLY, task: 'never-registered' }, 400, 'task'],
    [{ ...YEARLY, task: 'pipeline.plan' }, 400, 'task'],
    [{ ...YEARLY, task: 'count', parameters: { text: 1 } }, 422, 'parameters.text'],
    [{ ...YEARLY, pipeline: 'inbox' }, 400, 'task'],
    [{ cron: '0 0 1 1 *', pipeline: 'nothing' }, 400, 'pipeline'],
    [{ cron: '0 0 1 1 *', pipeline: 'inbox', parameters: {} }, 400, 'parameters'],
    [{ ...YEARLY, starts_at: '2030-01-01T00:00:00Z', ends_at: '2029-01-01T00:00:00Z' }, 400, 'ends_at'],
    [{ ...YEARLY, ends_at: '2020-01-01T00:00:00Z' }, 400, 'ends_at'],
    [{ ...YEARLY, overlap: 'forbid' }, 400, 'overlap'],
    [{ ...YEARLY, name: 'not a name' }, 400, 'name'],
    [{ ...YEARLY, extra: 1 }, 400, 'extra'],
  ])('%j', async (body, status, attr) => {
    const said = await ask('POST', '/schedules', { name: nameOf(), ...body });
    expect([said.status, said.body.errors[0].attr]).toEqual([status, attr]);
  });

  it('a name that is taken', async () => {
    const { name } = await made();
    expect(await ask('POST', '/schedules', { name, ...YEARLY })).toMatchObject({
      status: 409,
      body: refusal('client_error', 'conflict', `There is a schedule "${name}" already`, 'name'),
    });
  });

  it('to whom has no key', async () => {
    expect((await ask('GET', '/schedules', undefined, null)).status).toBe(401);
  });
});

describe('a schedule as a document', () => {
  const document = (changes: object = {}) => ({
    ...{ kind: 'schedule', name: 'nightly', cron: '30 2 * * *', time_zone: 'Europe/Berlin', task: 'count' },
    ...{ parameters: { text: 'x', inner: { mail: 'a@b' } }, overlap: 'queue' },
    ...changes,
  });
  const actions = (said: { body: any }) => said.body.changes.map(({ action }: { action: string }) => action); // eslint-disable-line @typescript-eslint/no-explicit-any -- as the answer is

  it('is created, left alone, changed; export gives it back', async () => {
    expect(actions(await apply([document()], true))).toEqual(['created']);
    expect(actions(await apply([document()]))).toEqual(['created']);
    expect(actions(await apply([document()]))).toEqual(['unchanged']);
    const changed = await apply([document({ cron: '0 3 * * *' })]);
    expect(changed.body.changes).toMatchObject([
      {
        kind: 'schedule',
        name: 'nightly',
        action: 'updated',
        version: null,
        differences: [{ path: '/cron' }],
      },
    ]);
    const { body } = await ask(
      'GET',
      `/api/v1/export?organisation=${organisation.name}`,
      undefined,
      backend.adminKey,
    );
    const documents = body.schedules.map((each: { document: object }) => each.document);
    expect(documents).toContainEqual(document({ cron: '0 3 * * *' }));
    // What has ended meanwhile would never fire, and is no part of this.
    const own = documents.filter(({ name }: { name: string }) => name === 'nightly');
    expect(actions(await apply(own))).toEqual(['unchanged']);
  });

  it('leaves a pause to those who paused, unless it speaks of it', async () => {
    await apply([document({ name: 'held' })]);
    const { body } = await ask('GET', '/schedules?name=held');
    const id = body.schedules[0].schedule_id as string;
    await ask('POST', `/schedules/${id}/pause`);
    expect(actions(await apply([document({ name: 'held' })]))).toEqual(['unchanged']);
    expect((await ask('GET', `/schedules/${id}`)).body.state).toBe('paused');
    expect(actions(await apply([document({ name: 'held', paused: false })]))).toEqual(['updated']);
    expect((await ask('GET', `/schedules/${id}`)).body.state).toBe('active');
  });

  it('may name a pipeline of the same file, and no other that is not there', async () => {
    const pipeline = {
      ...{ kind: 'pipeline', pipeline_id: 'fresh', workflow: 'totals', destination: 'none' },
      source: { folder: { path: '/data/in' } },
    };
    const schedule = { kind: 'schedule', name: 'of-fresh', every: '1d', pipeline: 'fresh' };
    expect(actions(await apply([schedule, pipeline]))).toEqual(['created', 'created']);
    const refused = await apply([{ ...schedule, name: 'of-none', pipeline: 'none' }]);
    expect(refused).toMatchObject({ status: 400, body: { errors: [{ attr: 'documents.0.pipeline' }] } });
  });

  it.each([
    [{ cron: '0 0 31 2 *' }, 'documents.0.cron'],
    [{ task: 'gone' }, 'documents.0.task'],
    [{ parameters: {} }, 'documents.0.parameters.text'],
    [{ every: '5m' }, 'documents.0.cron'],
  ])('that cannot be is refused with its place: %j', async (changes, attr) => {
    const said = await apply([document({ name: 'wrong', ...changes })]);
    expect([said.status, said.body.errors[0].attr]).toEqual([400, attr]);
  });
});

it('every act stands in the audit log, and nobody else sees it', async () => {
  const own = await backend.organisation();
  const { body } = await ask('POST', '/schedules', { name: 'audited', ...YEARLY }, own.key);
  const path = `/schedules/${body.schedule_id}`;
  await ask('PATCH', path, { description: 'x' }, own.key);
  for (const act of ['pause', 'resume', 'run']) await ask('POST', `${path}/${act}`, undefined, own.key);
  for (const method of ['GET', 'PATCH', 'DELETE'])
    expect((await ask(method, path, method === 'PATCH' ? {} : undefined)).status).toBe(404);
  expect((await ask('POST', `${path}/run`)).status).toBe(404);
  await ask('DELETE', path, undefined, own.key);
  const log = await ask('GET', '/api/v1/audit?outcome=success', undefined, own.key);
  const acts = log.body.events.map(
    ({ action, target }: { action: string; target: string }) => `${action} ${target}`,
  );
  expect(acts.filter((act: string) => act.startsWith('schedule.')).toSorted()).toEqual(
    ['change', 'create', 'delete', 'pause', 'resume', 'run'].map((act) => `schedule.${act} audited`),
  );
});

it('an organisation is deleted with its schedules and all that is known of them', async () => {
  const own = await backend.organisation();
  const { body } = await ask('POST', '/schedules', { name: 'doomed', ...YEARLY }, own.key);
  const { body: firing } = await ask('POST', `/schedules/${body.schedule_id}/run`, undefined, own.key);
  await ask('GET', `/tasks/${firing.task_id}/result?wait=20`, undefined, own.key);
  expect(
    (
      await ask(
        'DELETE',
        `/api/v1/organisations/${own.name}?confirm=${own.name}`,
        undefined,
        backend.adminKey,
      )
    ).status,
  ).toBeLessThan(300);
  await eventually(async () => {
    const [left] = await backend.database.query<{ n: number }>(
      `select (select count(*) from schedules where organisation_id = $1)::int
            + (select count(*) from schedule_firings where organisation_id = $1)::int
            + (select count(*) from organisations where id = $1)::int as n`,
      [own.id],
    );
    return left!.n === 0;
  });
});

it('a line of the history goes with its run, one without a run after its days', async () => {
  const { schedule_id: id } = await made();
  const { body } = await ask('POST', `/schedules/${id}/run`);
  await ask('GET', `/tasks/${body.task_id}/result?wait=20`);
  await backend.database.query(
    `insert into schedule_firings (schedule_id, fire_at, organisation_id, outcome, decided_at)
     values ($1, now() - interval '91 days', $2, 'skipped', now() - interval '91 days'),
            ($1, now() - interval '89 days', $2, 'skipped', now() - interval '89 days'),
            ($1, now() - interval '99 days', $2, 'waiting', now() - interval '99 days')`,
    [id, organisation.id],
  );
  await forgetOldFirings(backend.database, 0);
  expect(await firings(id)).toHaveLength(4);
  await forgetOldFirings(backend.database, 90);
  expect((await ask('DELETE', `/tasks/${body.task_id}`)).status).toBe(200);
  expect((await firings(id)).map(({ outcome }: { outcome: string }) => outcome)).toEqual([
    'skipped',
    'waiting',
  ]);
});
