import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '@longshore/contracts';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startBackend, type HttpBackend, type TestDeployment } from '../testing/http-backend.ts';
import { answer, bearer, eventually, poll, post, textFile } from '../testing/http-client.ts';
import { dropOldAuditEvents } from './audit-log.ts';

let postgres: TestPostgres;
let backend: HttpBackend;
let deployment: TestDeployment;
let foreign: TestDeployment;

beforeAll(async () => {
  postgres = await startPostgres();
  backend = await startBackend(postgres, { trustedProxies: ['127.0.0.0/8', '10.9.0.0/16'] });
  deployment = await backend.deploy(await backend.organisation('acme'), 'invoices');
  foreign = await backend.deploy(await backend.organisation('other'), 'letters');
});
afterAll(async () => {
  await backend?.stop();
  await postgres?.stop();
});

const NOBODY = '019a0000-0000-7000-8000-000000000000';

interface Asked {
  readonly key?: string | null;
  readonly body?: unknown;
  readonly from?: string;
}

function call(method: string, path: string, { key = backend.adminKey, body, from }: Asked = {}) {
  return answer(
    fetch(`${backend.url}${path}`, {
      method,
      headers: {
        ...bearer(key),
        ...(from === undefined ? {} : { 'X-Forwarded-For': from }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  );
}

async function events(query = '', key = backend.adminKey): Promise<AuditEvent[]> {
  const { status, body } = await call('GET', `/api/v1/audit${query}`, { key });
  expect(status).toBe(200);
  return body.events;
}

/** The events of one address, once there are so many. */
async function eventsFrom(address: string, count = 1): Promise<AuditEvent[]> {
  const found = async () =>
    (await events('?limit=1000')).filter((event) => event.address?.startsWith(address));
  await eventually(async () => (await found()).length >= count);
  return await found();
}

describe('an act', () => {
  it('is written with who, from where, what and to what', async () => {
    const { body, headers } = await call('POST', '/api/v1/keys', {
      body: { kind: 'deployment', name: 'portal', organisation: 'acme', api_name: 'invoices' },
      from: '198.51.100.1',
    });
    const [event] = await eventsFrom('198.51.100.1');
    expect(event).toMatchObject({
      action: 'key.create',
      outcome: 'success',
      count: 1,
      actor: { kind: 'admin', key_name: 'admin' },
      request_id: headers.get('x-request-id'),
      organisation: 'acme',
      target: 'deployment key portal',
      detail: { key_id: body.id, hint: body.hint },
    });
  });

  it('of every kind that there is leaves its line', async () => {
    const actions = new Set((await events('?limit=1000&outcome=success')).map(({ action }) => action));
    for (const action of ['key.create', 'organisation.create', 'workflow.apply'])
      expect(actions).toContain(action);
    const { body } = await call('POST', '/api/v1/keys', { body: { kind: 'admin', name: 'second' } });
    const rotated = await call('POST', `/api/v1/keys/${body.id}/rotate`, { body: {} });
    await call('DELETE', `/api/v1/keys/${rotated.body.id}`);
    const [revoke, rotate] = await events('?action=key.*&limit=2');
    expect([revoke!.action, rotate!.action]).toStrictEqual(['key.revoke', 'key.rotate']);
    expect(rotate!.detail).toMatchObject({ successor_id: rotated.body.id });
  });

  it('and its line are there together, or neither is', async () => {
    await backend.database.query(
      `alter table audit_events add constraint no_acts check (action <> 'key.create') not valid`,
    );
    try {
      const before = await backend.database.query('select 1 from api_keys');
      const { status } = await call('POST', '/api/v1/keys', { body: { kind: 'admin', name: 'unseen' } });
      expect(status).toBe(500);
      expect(await backend.database.query('select 1 from api_keys')).toHaveLength(before.length);
    } finally {
      await backend.database.query('alter table audit_events drop constraint no_acts');
    }
  });

  it('that did not take effect is written as tried', async () => {
    const from = '198.51.100.2';
    expect((await call('DELETE', `/api/v1/keys/${NOBODY}`, { from })).status).toBe(404);
    expect((await call('POST', '/api/v1/organisations', { from, body: { name: 'acme' } })).status).toBe(409);
    expect((await call('POST', '/api/v1/organisations', { from, body: { name: '' } })).status).toBe(400);
    const tried = await eventsFrom(from, 2);
    expect(tried.map(({ action, outcome, actor }) => [action, outcome, actor.kind]).sort()).toStrictEqual([
      ['key.revoke', 'failed', 'admin'],
      ['organisation.create', 'failed', 'admin'],
    ]);
  });
});

describe('a refusal', () => {
  it('is written with what is known of who it was, and never with the key', async () => {
    const from = '198.51.100.3';
    const wrong = `lsk_adm_${'W'.repeat(43)}`;
    await call('GET', '/api/v1/queues', { key: wrong, from });
    await call('GET', '/api/v1/queues', { key: null, from });
    await call('GET', '/api/v1/queues', { key: deployment.organisation.key, from });
    const refused = await eventsFrom(from, 3);
    expect(
      refused.map(({ action, outcome, actor, detail }) => [action, outcome, actor.kind, detail!['code']]),
    ).toStrictEqual(
      expect.arrayContaining([
        ['authenticate', 'refused', 'anonymous', 'authentication_failed'],
        ['authenticate', 'refused', 'anonymous', 'missing_api_key'],
        ['authenticate', 'refused', 'organisation', 'permission_denied'],
      ]),
    );
    expect(JSON.stringify(refused)).not.toContain('WWW');
    expect(JSON.stringify(refused)).not.toMatch(/[0-9a-f]{64}/);
  });

  it('at a deployment names the deployment, and the key that is good elsewhere', async () => {
    const headers = { ...bearer(foreign.key), 'X-Forwarded-For': '198.51.100.4' };
    const refused = await answer(fetch(`${deployment.url}/?execution_id=${NOBODY}`, { headers }));
    expect(refused.status).toBe(401);
    const [event] = await eventsFrom('198.51.100.4');
    expect(event).toMatchObject({
      actor: { kind: 'deployment', key_name: 'one' },
      target: 'acme/invoices',
      organisation: 'acme',
      detail: { route: 'GET /deployment/api/:org/:api_name' },
    });
  });

  it('that is repeated is counted', async () => {
    const from = '198.51.100.5';
    for (let time = 0; time < 30; time += 1) await call('GET', '/api/v1/queues', { key: null, from });
    await eventually(async () => (await eventsFrom(from))[0]?.count === 30);
    expect(await eventsFrom(from)).toHaveLength(1);
  });

  it('with anything at all in the address is written, and holds up no other', async () => {
    const from = '198.51.100.6';
    const wrong = `lsk_adm_${'W'.repeat(43)}`;
    await call('GET', '/api/v1/keys/%00%F0%9F%92%A9', { key: wrong, from });
    await call('GET', `/api/v1/executions/${'x'.repeat(5_000)}`, { key: wrong, from });
    const written = await eventsFrom(from, 2);
    expect(written.map(({ target }) => target!.length).sort((a, b) => a - b)).toStrictEqual([2, 200]);
  });
});

describe('the address of whoever asks', () => {
  it('is believed of trusted proxies alone, hop by hop', async () => {
    const attempt = (from: string) => call('GET', '/api/v1/workers', { key: null, from });
    await attempt('203.1.1.1, 198.51.100.21, 10.9.1.1');
    await attempt('203.1.1.1, 198.51.100.22');
    expect(await eventsFrom('198.51.100.2', 4)).toHaveLength(4);
    expect((await events('?limit=1000')).filter(({ address }) => address === '203.1.1.1')).toHaveLength(0);
  });

  it('is that of the connection when nobody is trusted', async () => {
    const bare = await startBackend(postgres, { trustedProxies: [] }, backend);
    try {
      await answer(fetch(`${bare.url}/api/v1/workers`, { headers: { 'X-Forwarded-For': '198.51.100.30' } }));
    } finally {
      await bare.stop();
    }
    const all = await events('?limit=1000&outcome=refused');
    expect(all.filter(({ address }) => address === '198.51.100.30')).toHaveLength(0);
    expect(all.some(({ address }) => address === '127.0.0.1')).toBe(true);
  });
});

describe('the audit log', () => {
  it('is read page by page, by time, action, actor and outcome', async () => {
    const all = await events('?limit=1000');
    const paged: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const { body } = await call('GET', `/api/v1/audit?limit=7${cursor === '' ? '' : `&cursor=${cursor}`}`);
      paged.push(...body.events.map(({ id }: AuditEvent) => id));
      cursor = body.next_cursor;
    }
    expect(paged.slice(-all.length)).toStrictEqual(all.map(({ id }) => id));
    const middle = all[Math.floor(all.length / 2)]!;
    const since = await events(`?limit=1000&since=${encodeURIComponent(middle.at)}`);
    for (const { last_at } of since)
      expect(Date.parse(last_at)).toBeGreaterThanOrEqual(Date.parse(middle.at));
    const until = await events(`?limit=1000&until=${encodeURIComponent(middle.at)}`);
    for (const { at } of until) expect(Date.parse(at)).toBeLessThan(Date.parse(middle.at));
    expect(since.length).toBeGreaterThan(0);
    expect(until.length).toBeGreaterThan(0);
    const byName = await events('?actor=admin&limit=1000');
    for (const { actor } of byName) expect(actor.key_name).toBe('admin');
    const byId = await events(`?actor=${byName[0]!.actor.key_id}&limit=1000`);
    expect(byId).toStrictEqual(byName);
    expect((await call('GET', '/api/v1/audit?since=yesterday')).status).toBe(400);
    expect((await call('GET', '/api/v1/audit?until=0000-01-01T00:00:00Z')).status).toBe(400);
  });

  it('of an organisation is shown to its key, and no line of another', async () => {
    const own = await events('?limit=1000', foreign.organisation.key);
    expect(own.length).toBeGreaterThan(0);
    for (const { organisation } of own) expect(organisation).toBe('other');
    expect(await events('?organisation=acme', foreign.organisation.key)).toHaveLength(0);
  });

  it('tells an organisation its own keys by name, and of others that they were there', async () => {
    const acme = await events('?limit=1000', deployment.organisation.key);
    const others = acme.filter(({ actor }) => actor.key_id === null);
    expect(new Set(others.map(({ actor }) => actor.kind))).toStrictEqual(new Set(['admin', 'deployment']));
    for (const { actor, address } of others) {
      expect(actor.key_name).toBeNull();
      expect(address === null).toBe(actor.kind === 'admin');
    }
    expect(acme.some(({ actor }) => actor.kind === 'organisation' && actor.key_name === 'all')).toBe(true);
    expect(await events('?actor=admin', deployment.organisation.key)).toHaveLength(0);
  });

  it('keeps acts as long as it is told, and refusals a month', async () => {
    await backend.database.query(`update audit_events set at = now() - interval '31 days'`);
    await dropOldAuditEvents(backend.database, 365);
    const left = await backend.database.query<{ outcome: string }>(
      'select distinct outcome from audit_events',
    );
    expect(left).toStrictEqual([{ outcome: 'success' }]);
    await dropOldAuditEvents(backend.database, 30);
    expect(await backend.database.query('select 1 from audit_events')).toHaveLength(0);
  });
});

describe('wrong keys', () => {
  const wrong = `lsk_org_${'W'.repeat(43)}`;

  it('are slowed down, and a right one from the same address passes', async () => {
    const from = '198.51.100.40';
    const statuses: number[] = [];
    for (let time = 0; time < 12; time += 1) {
      statuses.push((await call('GET', '/api/v1/audit', { key: wrong, from })).status);
    }
    expect(statuses).toStrictEqual([...Array<number>(10).fill(401), 429, 429]);
    const slowed = await call('GET', '/api/v1/audit', { key: wrong, from });
    expect(slowed.body.errors[0].code).toBe('too_many_attempts');
    const seconds = Number(slowed.headers.get('retry-after'));
    expect(seconds).toBeGreaterThanOrEqual(1);
    expect(seconds).toBeLessThanOrEqual(60);
    expect((await call('GET', '/api/v1/audit', { from })).status).toBe(200);
    expect((await call('GET', '/api/v1/audit', { key: wrong, from: '198.51.100.41' })).status).toBe(401);
    // Good, but not for this: a mistake, no guess.
    expect((await call('GET', '/api/v1/queues', { key: deployment.organisation.key, from })).status).toBe(
      403,
    );
    expect((await call('GET', '/api/v1/queues', { key: null, from })).status).toBe(403);
  });

  it('at a deployment too, while its own key and an unknown address are answered as ever', async () => {
    const from = '198.51.100.50';
    const ask = (path: string, key: string) =>
      answer(
        fetch(`${backend.url}${path}/?execution_id=${NOBODY}`, {
          headers: { ...bearer(key), 'X-Forwarded-For': from },
        }),
      );
    for (let time = 0; time < 10; time += 1) expect((await ask(deployment.path, wrong)).status).toBe(401);
    expect((await ask(deployment.path, wrong)).status).toBe(429);
    expect((await ask(deployment.path, foreign.key)).status).toBe(401);
    expect((await ask(`${deployment.path}x`, wrong)).status).toBe(404);
    expect((await ask(deployment.path, deployment.key)).status).toBe(404);
    expect((await poll(deployment, NOBODY)).status).toBe(404);
    expect((await post(deployment, [textFile('a.txt')])).status).toBe(200);
  });
});

it('a flood from everywhere writes 200 lines and one, and hides nothing of those who have a key', async () => {
  const flooded = await startBackend(postgres, { trustedProxies: ['127.0.0.1'] });
  try {
    const ask = (key: string | null, from: string) =>
      answer(fetch(`${flooded.url}/metrics`, { headers: { ...bearer(key), 'X-Forwarded-For': from } }));
    const { key } = await flooded.organisation();
    for (let batch = 0; batch < 30; batch += 1) {
      const addresses = Array.from({ length: 10 }, (_, index) => `203.0.${batch}.${index}`);
      await Promise.all(addresses.map((address) => ask(null, address)));
    }
    expect((await ask(key, '198.51.100.60')).status).toBe(403);
    const lines = () =>
      flooded.database.query<{ count: number; address: string | null; key_id: string | null }>(
        `select count::int as count, address, key_id from audit_events where outcome = 'refused'`,
      );
    const counted = async () => (await lines()).reduce((sum, { count }) => sum + count, 0);
    await eventually(async () => (await counted()) === 301);
    const strangers = (await lines()).filter(({ key_id }) => key_id === null);
    expect(strangers).toHaveLength(201);
    expect(strangers.filter(({ address }) => address === null)).toMatchObject([{ count: 100 }]);
    expect((await lines()).filter(({ key_id }) => key_id !== null)).toMatchObject([
      { address: '198.51.100.60' },
    ]);
  } finally {
    await flooded.stop();
  }
});
