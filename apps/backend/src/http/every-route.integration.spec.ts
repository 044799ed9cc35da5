import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { routes, type RouteAuth } from '@longshore/contracts';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import {
  startBackend,
  type HttpBackend,
  type TestDeployment,
  type TestOrganisation,
} from '../testing/http-backend.ts';
import { answer, bearer, post, textFile } from '../testing/http-client.ts';

let postgres: TestPostgres;
let backend: HttpBackend;
let mine: TestDeployment;
let other: TestDeployment;

beforeAll(async () => {
  postgres = await startPostgres();
  backend = await startBackend(postgres, { trustedProxies: ['127.0.0.1'] });
  mine = await backend.deploy(await backend.organisation('mine'), 'invoices');
  other = await backend.deploy(await backend.organisation('other'), 'letters');
  await backend.database.query(
    `insert into deployments (id, organisation_id, api_name, kind, workflow_id, source, destination)
     select uuid_v7(), organisation_id, 'inbox', 'pipeline', workflow_id, '{}', '"none"' from deployments where id = $1`,
    [mine.id],
  );
});
afterAll(async () => {
  await backend?.stop();
  await postgres?.stop();
});

type TableRoute = (typeof routes)[keyof typeof routes];
const table = Object.entries(routes) as [string, TableRoute][];
const guarded = table.filter(([, { auth }]) => auth !== 'none');
const REFUSED = [401, 403, 404];
const NOBODY = '019a0000-0000-7000-8000-000000000000';

interface Presented {
  readonly key: string | null;
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly body?: unknown;
  readonly token?: string;
}

let callers = 0;
let credentials = 0;
let webhooks = 0;

/** Calls a route as somebody at an address of his own, so that one who fails does not slow the next. */
function call(route: TableRoute, { key, params = {}, query = '', body, token }: Presented) {
  callers += 1;
  const path = route.path.replace(/:(\w+)/g, (_whole, name: string) => params[name] ?? standIn(name));
  const area = route.area === 'internal' ? '/internal' : '';
  const hasBody = body !== undefined && route.method !== 'get';
  return answer(
    fetch(`${backend.url}${area}${path}${query}`, {
      method: route.method.toUpperCase(),
      headers: {
        ...bearer(key),
        'X-Forwarded-For': `10.${callers >> 16}.${(callers >> 8) & 255}.${callers & 255}`,
        ...(hasBody ? { 'Content-Type': 'application/json' } : {}),
        ...(token === undefined ? {} : { 'X-Longshore-Run-Token': token }),
      },
      ...(hasBody ? { body: JSON.stringify(body) } : {}),
    }),
  );
}

function standIn(name: string): string {
  const known: Record<string, string> = {
    org: 'mine',
    api_name: 'invoices',
    pipeline_id: 'inbox',
    version: '1',
    name: 'mine',
  };
  return known[name] ?? NOBODY;
}

/** Which kinds of key open a route of this kind. */
const opens: Record<RouteAuth, readonly string[]> = {
  none: [],
  service: ['service'],
  run_token: ['service'],
  admin: ['admin'],
  organisation: ['organisation', 'admin'],
  deployment: ['organisation', 'deployment'],
};

const makeKey = {
  admin: () => backend.keys.create({ kind: 'admin', name: 'x' }),
  organisation: ({ organisation }: TestDeployment) =>
    backend.keys.create({ kind: 'organisation', name: 'x', organisationId: organisation.id }),
  deployment: ({ organisation, id }: TestDeployment) =>
    backend.keys.create({
      kind: 'deployment',
      name: 'x',
      organisationId: organisation.id,
      deploymentId: id,
    }),
  service: () =>
    backend.keys.create({ kind: 'service', name: 'x', workers: ['general'], queues: ['default'] }),
};
const kinds = Object.keys(makeKey) as (keyof typeof makeKey)[];

/** A key of each kind, of organisation `mine`, after something was done to it in the database. */
async function keysAfter(change: string): Promise<Record<string, string>> {
  const made = await Promise.all(
    kinds.map(async (kind) => {
      const { id, secret } = await makeKey[kind](mine);
      if (change !== '') await backend.database.query(`update api_keys set ${change} where id = $1`, [id]);
      return [kind, secret] as const;
    }),
  );
  return Object.fromEntries(made);
}

const nothingLeaks = (status: number) => expect(REFUSED).toContain(status);

describe('every route of the table', () => {
  it.each(guarded)('%s is closed without a key, and with one that nobody made', async (_name, route) => {
    const random = 'A'.repeat(43);
    const wrong = [null, 'x', ...['adm', 'org', 'dep', 'svc'].map((kind) => `lsk_${kind}_${random}`)];
    for (const key of wrong) nothingLeaks((await call(route, { key })).status);
  });

  it.each(guarded)('%s is closed to good keys of the other kinds', async (_name, route) => {
    const good = await keysAfter('');
    for (const kind of kinds.filter((each) => !opens[route.auth].includes(each))) {
      nothingLeaks((await call(route, { key: good[kind]! })).status);
    }
  });

  it.each(guarded)('%s is closed to expired and to revoked keys of its own kind', async (_name, route) => {
    for (const change of [`expires_at = now() - interval '1 s'`, 'revoked_at = now()']) {
      const ended = await keysAfter(change);
      for (const kind of opens[route.auth]) nothingLeaks((await call(route, { key: ended[kind]! })).status);
    }
  });

  it.each(guarded.filter(([, { auth }]) => auth === 'run_token'))(
    '%s is closed to a service key without a genuine run token',
    async (_name, route) => {
      const { service } = await keysAfter('');
      for (const token of [undefined, 'lsr_', 'lsr_W10.AAAA', 'x'.repeat(500)]) {
        const presented = { key: service!, ...(token === undefined ? {} : { token }) };
        expect((await call(route, presented)).status).toBe(401);
      }
    },
  );

  it('that changes something as an administrator or for an organisation names its act, or is known not to be one', () => {
    const changing = table.filter(
      ([, { auth, method }]) => (auth === 'admin' || auth === 'organisation') && method !== 'get',
    );
    const unnamed = changing.filter(([, { audit }]) => audit === null).map(([name]) => name);
    expect(unnamed.filter((name) => !dailyWork.includes(name))).toStrictEqual([]);
  });
});

/** What clients do all day: it stands in the history of runs, not in the audit log. */
const dailyWork: readonly string[] = ['submitTask', 'submitTasks'];

/** Something of organisation `mine` for each address that names one, fresh for each try. */
const things: readonly [prefix: string, make: () => Promise<Readonly<Record<string, string>>>][] = [
  ['/api/v1/executions/:id', async () => ({ id: await execution() })],
  ['/api/v1/replays/:id', async () => ({ id: await replay() })],
  ['/tasks/:id', async () => ({ id: await endedTask() })],
  ['/schedules/:id', async () => ({ id: await schedule() })],
  ['/api/v1/credentials/:name', async () => ({ name: await credential() })],
  ['/api/v1/webhooks/:id', async () => webhook()],
  ['/api/v1/keys/:id', async () => ({ id: (await makeKey.deployment(mine)).id })],
  ['/api/v1/organisations/:name', async () => ({ name: 'mine' })],
  ['/api/v1/workflows/:name', async () => ({ name: 'invoices-workflow', version: '1' })],
  ['/api/v1/deployments/:api_name', async () => ({ api_name: 'invoices' })],
  ['/deployment/api/:org/:api_name', async () => ({ org: 'mine', api_name: 'invoices' })],
  ['/deployment/pipeline/api/:org/:pipeline_id', async () => ({ org: 'mine', pipeline_id: 'inbox' })],
];

async function execution(): Promise<string> {
  const { body } = await post(mine, [textFile('a.txt')]);
  return body.message.execution_id as string;
}

/** A task that ended before it began: what is asked of it is answered at once. */
async function endedTask(): Promise<string> {
  await backend.database.query(
    `insert into tasks (name, task_group, queue, description, input_schema, max_attempts, soft_limit_ms, hard_limit_ms, isolation)
     values ('nothing', 'General', 'default', '', '{}', 1, 1000, 1000, 'inline') on conflict do nothing`,
  );
  const body = { task_name: 'nothing' };
  const submitted = await call(routes.submitTask, { key: mine.organisation.key, body });
  const id = submitted.body.task_id as string;
  await call(routes.cancelTask, { key: mine.organisation.key, params: { id } });
  return id;
}

async function schedule(): Promise<string> {
  const [row] = await backend.database.query<{ id: string }>(
    `insert into schedules (id, organisation_id, name, form, task, overlap, paused)
     values (uuid_v7(), $1, 's' || gen_random_uuid(), '{"cron": "0 0 1 1 *", "task": "x"}', 'x', 'skip', true) returning id`,
    [mine.organisation.id],
  );
  return row!.id;
}

/** A webhook with a delivery that was given up. */
async function credential(): Promise<string> {
  const body = { name: `secret-${(credentials += 1)}`, type: 'bearer' as const, values: { token: 'x' } };
  return (await call(routes.createCredential, { key: mine.organisation.key, body })).body.name as string;
}

async function webhook(): Promise<{ id: string; delivery_id: string }> {
  const body = { name: `hook-${(webhooks += 1)}`, url: 'https://example.com/in' };
  const created = await call(routes.createWebhook, { key: mine.organisation.key, body });
  const id = created.body.webhook_id as string;
  const [row] = await backend.database.query<{ id: string }>(
    `insert into webhook_deliveries (id, webhook_id, organisation_id, run_id, state, test, events)
     values (uuid_v7(), $1, $2, uuid_v7(), 'dead', false, 1) returning id`,
    [id, mine.organisation.id],
  );
  return { id, delivery_id: row!.id };
}

async function replay(): Promise<string> {
  const [row] = await backend.database.query<{ id: string }>(
    `insert into replays (id, organisation_id, state, request, per_minute, total)
     values (uuid_v7(), $1, 'done', '{"limit": 1, "only_failed": false}', 60, 0) returning id`,
    [mine.organisation.id],
  );
  return row!.id;
}

describe('two organisations', () => {
  const shared = table.filter(
    ([, { auth, path }]) => (auth === 'organisation' || auth === 'deployment') && path.includes('/:'),
  );

  it.each(shared)(
    '%s answers its own organisation, and tells the other one nothing',
    async (_name, route) => {
      const make = things.find(([prefix]) => route.path.startsWith(prefix))?.[1];
      if (make === undefined) throw new Error(`Tell this spec how to make what ${route.path} names`);
      const params = await make();
      const foreign = await Promise.all([makeKey.organisation(other), makeKey.deployment(other)]);
      for (const { secret } of foreign) {
        nothingLeaks((await call(route, { key: secret, params, body: {} })).status);
        const asked = await call(route, { key: secret, params, query: '?organisation=mine', body: {} });
        if (asked.body.errors[0].attr !== 'organisation') nothingLeaks(asked.status);
      }
      const { status } = await call(route, { key: mine.organisation.key, params, body: {} });
      expect(REFUSED.slice(0, 2)).not.toContain(status);
      expect(status === 404 && route.auth === 'organisation').toBe(false);
      expect(status).toBeLessThan(500);
    },
  );

  it('see nothing of each other in any list', async () => {
    await execution();
    const lists = table.filter(
      ([, { auth, method, path }]) => auth === 'organisation' && method === 'get' && !path.includes('/:'),
    );
    for (const [name, route] of lists) {
      // It is of one execution or task, and has a test of its own for those of others.
      if (name === 'listRuns') continue;
      // What it tried itself, by name, stands in its own log.
      const query = name === 'auditLog' ? '?outcome=success' : '';
      const own = await call(route, { key: other.organisation.key, query });
      expect([name, own.status]).toStrictEqual([name, 200]);
      for (const id of [mine.id, mine.organisation.id]) expect(JSON.stringify(own.body)).not.toContain(id);
      expect(JSON.stringify(own.body)).not.toMatch(/"mine"|"invoices"/);
      const asked = await call(route, { key: other.organisation.key, query: '?organisation=mine' });
      expect([200, 400, 403, 404]).toContain(asked.status);
      expect(JSON.stringify(asked.body)).not.toMatch(/"invoices"/);
    }
  });

  it('make and change no keys of each other, whatever they name', async () => {
    const key = (organisation: TestOrganisation) => organisation.key;
    const attempt = (body: object) => call(routes.createKey, { key: key(other.organisation), body });
    const foreign = { kind: 'deployment', name: 'x', organisation: 'mine', api_name: 'invoices' };
    expect((await attempt(foreign)).status).toBe(404);
    for (const body of [
      { kind: 'admin', name: 'x' },
      { kind: 'organisation', name: 'x', organisation: 'other' },
      { kind: 'service', name: 'x', workers: ['a'], queues: ['b'] },
    ]) {
      expect((await attempt(body)).status).toBe(403);
    }
  });
});
