import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { WebhookDelivery, WebhookWithSecret } from '@longshore/contracts';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { realWorkers, type RealWorkers } from '../failure-modes/real-worker.fixture.ts';
import { startBackend, type HttpBackend, type TestOrganisation } from '../testing/http-backend.ts';
import { answer, bearer, eventually } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { eventsIn, isSignedBy, startReceiver, type Receiver } from './receiver.fixture.ts';

jest.setTimeout(60_000);

let postgres: TestPostgres;
let receiver: Receiver;
let backend: HttpBackend;
let workers: RealWorkers;
let own: TestOrganisation;
let env: Record<string, string>;

beforeAll(async () => {
  [postgres, receiver] = await Promise.all([startPostgres(), startReceiver()]);
  const settings = { webhookHosts: [receiver.host], webhookAllowHttp: true, webhookLeastWindowMs: 1_000 };
  backend = await startBackend(postgres, { ...settings, sessionTimeoutMs: 5_000 });
  workers = await realWorkers(backend);
  own = await backend.organisation('default');
  const quick = { WEBHOOK_TIMEOUT: '2', WEBHOOK_RETRY_DELAY: '0.01' };
  env = { WEBHOOK_HOSTS: receiver.host, WEBHOOK_ALLOW_HTTP: 'true', ...quick };
  await workers.start({ env });
});
afterAll(async () => {
  try {
    expect(await brokenInvariants(backend.database)).toEqual([]);
  } finally {
    await workers?.stop();
    await backend?.stop();
    await receiver?.stop();
    await postgres?.stop();
  }
});

/** Asks as the organisation, or with another key. */
async function ask(method: string, path: string, body?: unknown, key = own.key) {
  const json = body === undefined ? {} : { 'Content-Type': 'application/json' };
  return await answer(
    fetch(`${backend.url}/api/v1/webhooks${path}`, {
      method,
      headers: { ...bearer(key), ...json },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  );
}

let names = 0;
async function create(url: string, more: object = {}): Promise<WebhookWithSecret> {
  names += 1;
  const { status, body } = await ask('POST', '', {
    name: `hook-${names}`,
    url,
    window_seconds: 7200,
    ...more,
  });
  expect([status, body]).toEqual([201, expect.objectContaining({ url: expect.any(String) })]);
  return body as WebhookWithSecret;
}

const delivery = async (webhook: string, id: string) =>
  (await ask('GET', `/${webhook}/deliveries/${id}`)).body as WebhookDelivery;

/** Sends a test event, and answers with its delivery once that has ended. */
async function tested(webhook: string): Promise<WebhookDelivery> {
  const { body } = await ask('POST', `/${webhook}/test`);
  return await endOf(webhook, (body as WebhookDelivery).delivery_id);
}

async function endOf(webhook: string, id: string): Promise<WebhookDelivery> {
  await eventually(async () => (await delivery(webhook, id)).state !== 'pending');
  return await delivery(webhook, id);
}

const answering = (...statuses: number[]) => {
  return (response: { writeHead(status: number): { end(): unknown } }, nth: number) =>
    void response.writeHead(statuses[Math.min(nth, statuses.length) - 1]!).end();
};

describe('an endpoint', () => {
  it('is told once of all that ended in its window, signed by its secret alone', async () => {
    const one = await create(receiver.at('/told'));
    const slack = await create(receiver.at('/slack'), { form: 'slack' });
    const ids = await Promise.all(
      Array.from({ length: 3 }, () => workers.submit('test.effect', { note: 'n' }, own.id)),
    );
    const told = async () => (await ask('GET', `/${one.webhook_id}`)).body.gathered as number;
    await eventually(async () => (await told()) === 3);
    expect(receiver.of('/told')).toEqual([]);
    for (const { webhook_id: id } of [one, slack]) await ask('PATCH', `/${id}`, { window_seconds: 1 });
    await eventually(async () => receiver.of('/told').length > 0 && receiver.of('/slack').length > 0);
    const [request] = receiver.of('/told');
    expect(JSON.parse(request!.body)).toMatchObject({ summary: { total: 3, succeeded: 3, failed: 0 } });
    const subjects = eventsIn(request!).map(({ data }) => (data as { execution_id: string }).execution_id);
    expect(subjects.sort()).toEqual(ids.sort());
    expect([isSignedBy(one.secret, request!), isSignedBy(slack.secret, request!)]).toEqual([true, false]);
    expect(JSON.parse(receiver.of('/slack')[0]!.body)).toEqual({
      text: expect.stringMatching(/^Longshore: 3 ended/),
    });
    await eventually(
      async () =>
        (await ask('GET', `/${one.webhook_id}/deliveries`)).body.deliveries[0].state === 'delivered',
    );
    const { body } = await ask('GET', `/${one.webhook_id}/deliveries?state=delivered`);
    expect(body.deliveries).toMatchObject([
      { delivery_id: request!.id, events: 3, tries: 1, last_error: null },
    ]);
    expect(receiver.of('/told')).toHaveLength(1);
  });

  it('gets the same webhook-id again while it answers late, with errors or not at all', async () => {
    const paths = {
      '/errors': answering(500, 429, 302, 200),
      '/hangs': (response: { end(): unknown }, nth: number) => void (nth > 1 && response.end()),
      '/cuts': (response: { destroy(): unknown; end(): unknown }, nth: number) =>
        void (nth > 1 ? response.end() : response.destroy()),
    };
    const ended = await Promise.all(
      Object.entries(paths).map(async ([path, answers]) => {
        const { webhook_id: id } = await create(receiver.at(path, answers));
        return { path, end: await tested(id) };
      }),
    );
    for (const { path, end } of ended) {
      const tries = path === '/errors' ? 4 : 2;
      expect([path, end]).toMatchObject([path, { state: 'delivered', tries, events: 1, test: true }]);
      expect(receiver.of(path).map(({ id }) => id)).toEqual(Array<string>(tries).fill(end.delivery_id));
      expect(new Set(receiver.of(path).map(({ body }) => body)).size).toBe(1);
    }
  });

  it('is given up after five tries, and gets it again under its id when somebody says so', async () => {
    const { webhook_id: id } = await create(receiver.at('/broken', answering(503)));
    const dead = await tested(id);
    expect(dead).toMatchObject({ state: 'dead', tries: 5, last_error: 'The endpoint answered 503' });
    expect(receiver.of('/broken')).toHaveLength(5);
    receiver.at('/broken', answering(200));
    expect((await ask('POST', `/${id}/replay`)).body).toEqual({ replayed: 1 });
    expect(await endOf(id, dead.delivery_id)).toMatchObject({ state: 'delivered', tries: 6, replays: 1 });
    expect(new Set(receiver.of('/broken').map((each) => each.id))).toEqual(new Set([dead.delivery_id]));
    expect((await ask('POST', `/${id}/deliveries/${dead.delivery_id}/replay`)).status).toBe(409);
  });

  it('is disabled when it answers that it is gone', async () => {
    const { webhook_id: id } = await create(receiver.at('/gone', answering(410)));
    const dead = await tested(id);
    expect(dead).toMatchObject({ state: 'dead', tries: 1 });
    const reason = { enabled: false, disabled_reason: expect.stringContaining('410') };
    expect((await ask('GET', `/${id}`)).body).toMatchObject(reason);
    expect((await ask('POST', `/${id}/deliveries/${dead.delivery_id}/replay`)).status).toBe(409);
    expect((await ask('POST', `/${id}/resume`)).body).toMatchObject({ enabled: true, disabled_reason: null });
  });

  it('is told signed by both secrets while they overlap', async () => {
    const { webhook_id: id, secret } = await create(receiver.at('/both'));
    const { secret: anew } = (await ask('POST', `/${id}/rotate`, { overlap_seconds: 600 })).body;
    await tested(id);
    const [first] = receiver.of('/both');
    expect([isSignedBy(secret, first!), isSignedBy(anew, first!)]).toEqual([true, true]);
    const { secret: last } = (await ask('POST', `/${id}/rotate`, { overlap_seconds: 0 })).body;
    await tested(id);
    const [, second] = receiver.of('/both');
    expect([isSignedBy(anew, second!), isSignedBy(last, second!)]).toEqual([false, true]);
  });

  it('whose address cannot be opened is listed without it, and takes another one and another secret', async () => {
    const { webhook_id: id, name } = await create(receiver.at('/damaged'));
    await backend.database.query("update webhooks set url = 'damaged', secret = 'damaged' where id = $1", [
      id,
    ]);
    expect((await ask('GET', `?name=${name}`)).body).toMatchObject({ webhooks: [{ name, url: null }] });
    const url = receiver.at('/mended');
    expect((await ask('PATCH', `/${id}`, { url })).body).toMatchObject({ url });
    const { secret } = (await ask('POST', `/${id}/rotate`, { overlap_seconds: 0 })).body;
    await tested(id);
    expect(isSignedBy(secret, receiver.of('/mended')[0]!)).toBe(true);
  });

  it('cannot be where nothing may be sent, gather for too short, or be seen by others', async () => {
    const refused = async (body: object) => (await ask('POST', '', { name: 'no', ...body })).body.errors;
    expect(await refused({ url: 'https://169.254.169.254/latest' })).toMatchObject([{ attr: 'url' }]);
    expect(await refused({ url: 'https://example.com:22/' })).toMatchObject([
      { attr: 'url', detail: expect.stringContaining('not among the allowed ones (WEBHOOK_HOSTS)') },
    ]);
    expect(await refused({ url: receiver.at('/x'), window_seconds: 0 })).toMatchObject([
      { attr: 'window_seconds' },
    ]);
    expect(await refused({ url: receiver.at('/x'), deployments: ['nobodys'] })).toMatchObject([
      { code: 'not_found' },
    ]);
    const { webhook_id: id } = await create(receiver.at('/mine'));
    const { key } = await backend.organisation();
    const tries = [
      ...[ask('GET', `/${id}`, undefined, key), ask('PATCH', `/${id}`, { enabled: false }, key)],
      ...[ask('POST', `/${id}/rotate`, {}, key), ask('POST', `/${id}/test`, undefined, key)],
      ...[ask('GET', `/${id}/deliveries`, undefined, key), ask('DELETE', `/${id}`, undefined, key)],
    ];
    expect((await Promise.all(tries)).map(({ status }) => status)).toEqual(tries.map(() => 404));
    expect((await ask('DELETE', `/${id}`)).status).toBe(200);
    expect((await ask('GET', `/${id}`)).status).toBe(404);
  });

  it('is one of a hundred of its organisation at most: each costs every end a row', async () => {
    const other = await backend.organisation();
    const make = async (name: string) =>
      (await ask('POST', '', { name, url: receiver.at('/many'), enabled: false }, other.key)).status;
    expect(await make('first')).toBe(201);
    await backend.database.query(
      `insert into webhooks (id, organisation_id, name, description, url, events, form, window_ms, enabled, secret)
       select gen_random_uuid(), organisation_id, 'many-' || n, '', url, events, form, window_ms, enabled, secret
         from webhooks, generate_series(1, 98) n where organisation_id = $1`,
      [other.id],
    );
    expect((await Promise.all(['a', 'b', 'c'].map(make))).toSorted()).toEqual([201, 409, 409]);
    await backend.database.query('delete from webhooks where organisation_id = $1', [other.id]);
  });

  it('leaves neither its secret nor its address where anybody could read them', async () => {
    const { secret, webhook_id: id } = await create(receiver.at('/hidden/T0KEN'), { form: 'slack' });
    await ask('POST', `/${id}/rotate`, { overlap_seconds: 600 });
    await tested(id);
    const unmasked = await ask('PATCH', `/${id}`, { form: 'standard' });
    expect(unmasked).toMatchObject({ status: 400, body: { errors: [{ attr: 'url' }] } });
    const dump = [JSON.stringify(unmasked.body)];
    for (const table of [
      'runs',
      'attempts',
      'run_logs',
      'webhooks',
      'webhook_deliveries',
      'webhook_events',
      'audit_events',
    ]) {
      const rows = await backend.database.query<{ row: string }>(`select t::text as row from ${table} t`);
      dump.push(...rows.map(({ row }) => row));
    }
    dump.push(JSON.stringify((await ask('GET', `/${id}`)).body));
    expect(dump.length).toBeGreaterThan(10);
    const shown = dump.filter(
      (text) => text.includes('T0KEN') || text.includes(secret.slice(6)) || text.includes('whsec_'),
    );
    expect(shown).toEqual([]);
  });
});

it('failure mode 10: a worker that is killed between its post and its report lets the same webhook-id come again', async () => {
  await workers.stop();
  const first = await workers.start({ env });
  const { webhook_id: id } = await create(
    receiver.at('/killed', (response, nth) => void (nth > 1 && response.end())),
  );
  const { body } = await ask('POST', `/${id}/test`);
  await eventually(async () => receiver.of('/killed').length === 1);
  first.kill('SIGKILL');
  await first.ended;
  await workers.start({ env });
  expect(await endOf(id, body.delivery_id)).toMatchObject({ state: 'delivered', tries: 1 });
  expect(receiver.of('/killed').map((each) => each.id)).toEqual([body.delivery_id, body.delivery_id]);
});
