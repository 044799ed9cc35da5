import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startBackend, type HttpBackend, type TestOrganisation } from '../testing/http-backend.ts';
import { asking, startTaskWorker } from './tasks.fixture.ts';

let postgres: TestPostgres;
let backend: HttpBackend;
let own: TestOrganisation;
let worker: Awaited<ReturnType<typeof startTaskWorker>>;
let client: ReturnType<typeof asking>;
const ids: Record<string, string> = {};

beforeAll(async () => {
  postgres = await startPostgres();
  backend = await startBackend(postgres);
  own = await backend.organisation();
  client = asking(backend, own);
  worker = await startTaskWorker(backend, ({ input }) =>
    (input as { fail?: boolean }).fail === true ? { failure: 'broken pipe' } : { output: null },
  );
  ids['first'] = await client.id({ task_name: 'anything', parameters: { customer: 'Zoë 100%' } });
  ids['failed'] = await client.id({ task_name: 'own', parameters: { fail: true }, priority: 9 });
  for (const name of ['first', 'failed']) await client.result(ids[name]!);
  ids['deferred'] = await client.id({ task_name: 'anything', delay: 600 });
  ids['cancelled'] = await client.id({ task_name: 'anything', delay: 600 });
  await client.ask('DELETE', `/${ids['cancelled']}/cancel`);
  await worker.stop();
  ids['queued'] = await client.id({ task_name: 'count', parameters: { text: 'waits' } });
});
afterAll(async () => {
  await backend?.stop();
  await postgres?.stop();
});

/** The names of the tasks that a query finds. */
async function found(query: string): Promise<unknown[]> {
  const { status, body } = await client.ask('GET', query);
  if (status !== 200) return [status, body.errors[0].attr];
  const names = Object.fromEntries(Object.entries(ids).map(([name, id]) => [id, name]));
  return body.tasks.map(({ task_id }: { task_id: string }) => names[task_id]);
}

describe('the history of tasks', () => {
  it('is told newest first, with all that the contract names', async () => {
    const { body } = await client.ask('GET', '');
    expect(body).toMatchObject({ total: 5, total_is_exact: true, limit: 100, offset: 0, has_more: false });
    expect(body.tasks[3]).toEqual({
      task_id: ids['failed'],
      organisation: own.name,
      task_name: 'own',
      status: 'failed',
      queue: 'own',
      priority: 9,
      created_at: expect.any(String),
      run_at: null,
      started_at: expect.any(String),
      finished_at: expect.any(String),
      error: 'broken pipe',
      retry_of: null,
    });
    expect(await found('')).toEqual(['queued', 'cancelled', 'deferred', 'failed', 'first']);
  });

  it('is paged by limit and offset', async () => {
    expect(await found('?limit=2&offset=1')).toEqual(['cancelled', 'deferred']);
    expect((await client.ask('GET', '?limit=2&offset=1')).body).toMatchObject({ total: 5, has_more: true });
    expect((await client.ask('GET', '?limit=2&offset=3')).body).toMatchObject({ total: 5, has_more: false });
    expect(await found('?offset=50')).toEqual([]);
  });

  it.each([
    ['?status=queued', ['queued']],
    ['?status=deferred', ['deferred']],
    ['?status=started', []],
    ['?status=finished', ['first']],
    ['?status=failed', ['failed']],
    ['?status=cancelled', ['cancelled']],
    ['?task_name=own', ['failed']],
    ['?task_name=anything&status=cancelled', ['cancelled']],
    ['?q=zoë', ['first']],
    ['?q=100%25', ['first']],
    ['?q=1_0%25', []],
    ['?q=ANYTH', ['cancelled', 'deferred', 'first']],
    ['?since=2999-01-01T00:00:00Z', []],
    ['?until=2020-01-01T00:00:00Z', []],
    ['?since=2020-01-01T00:00:00Z&task_name=count', ['queued']],
    ['?limit=0', [400, 'limit']],
    ['?limit=1001', [400, 'limit']],
    ['?offset=-1', [400, 'offset']],
    ['?status=PENDING', [400, 'status']],
    ['?stauts=failed', [400, 'stauts']],
    ['?since=yesterday', [400, 'since']],
    ['?q=%00', []],
  ])('%s finds %j', async (query, expected) => {
    if (query === '?q=%00') expect((await client.ask('GET', query)).status).toBe(400);
    else expect(await found(query)).toEqual(expected);
  });

  it('is searched by the beginning of an id', async () => {
    expect(await found(`?q=${ids['failed']}`)).toEqual(['failed']);
    expect(await found(`?q=${ids['failed']!.slice(0, 30)}`)).toEqual(['failed']);
  });
});

describe('who does the work', () => {
  it('is shown with queues and the broker, and no password', async () => {
    const { status, body } = await client.ask('GET', '/workers/status');
    expect(status).toBe(200);
    expect(body.broker).toMatchObject({ kind: 'postgres', state: 'reachable' });
    const { password } = new URL(backend.config.brokerUrl);
    if (password !== '') expect(JSON.stringify(body)).not.toContain(password);
    expect(body.pools[0]).toMatchObject({ worker: 'general', tasks: ['count', 'anything', 'own'], slots: 5 });
    expect(body.pools[0].sessions[0]).toMatchObject({ instance: 'general-1', concurrency: 5 });
  });

  it('tells an organisation of its own work alone, and not where the broker is', async () => {
    const foreign = await backend.organisation();
    const admin = (await backend.keys.create({ kind: 'admin', name: 'a' })).secret;
    const seen = async (key: string) => {
      const { body } = await client.ask('GET', '/workers/status', undefined, key);
      const queue = body.queues.find((each: { queue: string }) => each.queue === 'default');
      // Where nobody serves it any more, only those see it whose work waits there.
      const { queued = 0, oldest_age_ms: oldest = null } = queue ?? {};
      return { queued, oldest, address: body.broker.address };
    };
    expect(await seen(foreign.key)).toEqual({ queued: 0, oldest: null, address: null });
    expect(await seen(own.key)).toEqual({ queued: 2, oldest: expect.any(Number), address: null });
    expect((await seen(admin)).address).toEqual(expect.any(String));
  });
});

describe('addresses', () => {
  it('know their methods, also where another one has a name for what would be an id', async () => {
    const status = async (method: string, path: string) => (await client.ask(method, path)).status;
    expect(await status('GET', '/submit')).toBe(405);
    expect(await status('POST', '/types')).toBe(405);
    expect(await status('GET', '/no-uuid/status')).toBe(400);
    expect(await status('PUT', `/${ids['failed']}`)).toBe(405);
  });
});
