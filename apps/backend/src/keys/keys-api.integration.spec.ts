import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startBackend, type HttpBackend, type TestDeployment } from '../testing/http-backend.ts';
import { answer, bearer, eventually, poll, type Answer } from '../testing/http-client.ts';

let postgres: TestPostgres;
let backend: HttpBackend;
let deployment: TestDeployment;
let foreign: TestDeployment;

beforeAll(async () => {
  postgres = await startPostgres();
  backend = await startBackend(postgres);
  deployment = await backend.deploy(await backend.organisation('acme'), 'invoices');
  foreign = await backend.deploy(await backend.organisation('other'), 'letters');
});
afterAll(async () => {
  await backend?.stop();
  await postgres?.stop();
});

const NOBODY = '019a0000-0000-7000-8000-000000000000';

function call(method: string, path: string, body?: unknown, key = backend.adminKey): Promise<Answer> {
  const headers = { ...bearer(key), ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  return answer(fetch(`${backend.url}/api/v1/keys${path}`, { method, headers, ...sent }));
}

const forInvoices = { kind: 'deployment', name: 'k', organisation: 'acme', api_name: 'invoices' };
const opens = async (key: string) => (await poll(deployment, NOBODY, {}, { key })).status === 404;

describe('a new key', () => {
  it('is shown once, and afterwards only so much of it that people recognise it', async () => {
    const { status, body } = await call('POST', '', { ...forInvoices, name: ' the portal ' });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      kind: 'deployment',
      name: 'the portal',
      state: 'active',
      organisation: 'acme',
      api_name: 'invoices',
      expires_at: null,
      last_used_at: null,
      hint: `lsk_dep_…${body.key.slice(-4)}`,
    });
    expect(body.key).toMatch(/^lsk_dep_[\w-]{43}$/);
    expect(await opens(body.key)).toBe(true);
    const { key, ...shown } = body;
    expect((await call('GET', `/${body.id}`)).body).toStrictEqual(shown);
    const everything = await backend.database.query(
      'select to_jsonb(k) as row from api_keys k union all select to_jsonb(e) from audit_events e',
    );
    expect(JSON.stringify(everything)).not.toContain(key.slice(8));
    expect(JSON.stringify((await call('GET', '')).body)).not.toContain(key.slice(8));
  });

  it('ends when it was told to, in days or at a moment, and not both', async () => {
    const inDays = await call('POST', '', { ...forInvoices, expires_in_days: 2 });
    const days = (Date.parse(inDays.body.expires_at) - Date.parse(inDays.body.created_at)) / 86_400_000;
    expect(days).toBeCloseTo(2, 3);
    const expires_at = '2099-01-01T00:00:00.000Z';
    expect((await call('POST', '', { ...forInvoices, expires_at })).body.expires_at).toBe(expires_at);
    const both = { ...forInvoices, expires_at, expires_in_days: 1 };
    const past = { ...forInvoices, expires_at: '2001-01-01T00:00:00Z' };
    for (const body of [both, past, { ...forInvoices, expires_at: 'soon' }]) {
      expect(await call('POST', '', body)).toMatchObject({
        status: 400,
        body: { errors: [{ attr: 'expires_at' }] },
      });
    }
  });

  it('tells when it was last used', async () => {
    const { body } = await call('POST', '', forInvoices);
    await opens(body.key);
    const lastUse = async () => (await call('GET', `/${body.id}`)).body.last_used_at;
    await eventually(async () => (await lastUse()) !== null);
    expect(Math.abs(Date.parse(await lastUse()) - Date.now())).toBeLessThan(60_000);
  });
});

describe('the list of keys', () => {
  it('is read page by page, newest first, and by kind, state and organisation', async () => {
    const all: string[] = [];
    let cursor = '';
    do {
      const { body } = await call('GET', `?limit=2${cursor}`);
      expect(body.keys.length).toBeLessThanOrEqual(2);
      all.push(...body.keys.map(({ id }: { id: string }) => id));
      cursor = body.next_cursor === null ? '' : `&cursor=${body.next_cursor}`;
    } while (cursor !== '');
    expect(all).toStrictEqual([...all].sort().reverse());
    expect(all).toHaveLength(new Set(all).size);
    const [{ n }] = (await backend.database.query('select count(*)::int as n from api_keys')) as [
      { n: number },
    ];
    expect(all).toHaveLength(n);

    const kindsOf = async (query: string) =>
      new Set((await call('GET', query)).body.keys.map(({ kind }: { kind: string }) => kind));
    expect(await kindsOf('?kind=admin')).toStrictEqual(new Set(['admin']));
    expect(await kindsOf('?organisation=other')).toStrictEqual(new Set(['organisation', 'deployment']));
    expect(await kindsOf('?state=revoked&organisation=other')).toStrictEqual(new Set());
    expect((await call('GET', '?cursor=nonsense')).status).toBe(400);
    expect((await call('GET', '?limit=0')).status).toBe(400);
  });
});

describe('a rotated key', () => {
  it('and its successor both work until the overlap is over', async () => {
    const old = (await call('POST', '', { ...forInvoices, expires_in_days: 30 })).body;
    const { status, body } = await call('POST', `/${old.id}/rotate`, { overlap_seconds: 3600 });
    expect(status).toBe(200);
    expect(body).toMatchObject({ name: 'k', kind: 'deployment', state: 'active', api_name: 'invoices' });
    expect(body.id).not.toBe(old.id);
    const lifetime = Date.parse(body.expires_at) - Date.parse(body.created_at);
    expect(lifetime / 86_400_000).toBeCloseTo(30, 2);
    expect(await opens(old.key)).toBe(true);
    expect(await opens(body.key)).toBe(true);
    const shown = (await call('GET', `/${old.id}`)).body;
    expect(shown).toMatchObject({ state: 'rotated', successor_id: body.id });
    expect(Math.abs(Date.parse(shown.expires_at) - Date.now() - 3_600_000)).toBeLessThan(60_000);
    expect(await call('POST', `/${old.id}/rotate`, {})).toMatchObject({
      status: 409,
      body: { errors: [{ detail: expect.stringContaining(body.id) }] },
    });
  });

  it('ends at once when there is no overlap, and never later than it would have', async () => {
    const old = (await call('POST', '', { ...forInvoices, expires_in_days: 1 })).body;
    const second = (await call('POST', `/${old.id}/rotate`, { overlap_seconds: 0 })).body;
    expect([await opens(old.key), await opens(second.key)]).toStrictEqual([false, true]);
    await call('POST', `/${second.id}/rotate`, { overlap_seconds: 30 * 86_400 });
    const shown = (await call('GET', `/${second.id}`)).body;
    expect(shown.expires_at).toBe(second.expires_at);
    expect((await call('POST', `/${old.id}/rotate`, {})).status).toBe(409);
    for (const overlap_seconds of [-1, 30 * 86_400 + 1, 1.5, 'long']) {
      expect((await call('POST', `/${second.id}/rotate`, { overlap_seconds })).status).toBe(400);
    }
  });
});

describe('a revoked key', () => {
  it('is refused, and stays in the list as what it was', async () => {
    const { id, key } = (await call('POST', '', forInvoices)).body;
    const { status, body } = await call('DELETE', `/${id}`);
    expect([status, body.state]).toStrictEqual([200, 'revoked']);
    expect(await opens(key)).toBe(false);
    expect((await call('DELETE', `/${id}`)).body.revoked_at).toBe(body.revoked_at);
    expect((await call('POST', `/${id}/rotate`, {})).status).toBe(409);
  });

  it('is never the last admin key, also when the last two are revoked at the same moment', async () => {
    const alone = await startBackend(postgres);
    try {
      const revoke = (id: string) =>
        answer(
          fetch(`${alone.url}/api/v1/keys/${id}`, { method: 'DELETE', headers: bearer(alone.adminKey) }),
        );
      const list = await answer(
        fetch(`${alone.url}/api/v1/keys?kind=admin`, { headers: bearer(alone.adminKey) }),
      );
      const first = list.body.keys[0].id as string;
      expect(await revoke(first)).toMatchObject({ status: 409, body: { errors: [{ code: 'conflict' }] } });
      // One that ends by itself after its rotation is nothing to rely on.
      await alone.database.query(
        `insert into api_keys (id, kind, name, hash, successor_id, expires_at)
         values ($1, 'admin', 'rotated', '\\x00', $2, now() + interval '1 h')`,
        [NOBODY, first],
      );
      expect((await revoke(first)).status).toBe(409);
      const second = await alone.keys.create({ kind: 'admin', name: 'second' });
      const statuses = await Promise.all([revoke(first), revoke(second.id)]);
      expect(statuses.map(({ status }) => status).filter((status) => status === 200)).toHaveLength(1);
      const good = await alone.database.query(
        `select 1 from api_keys where kind = 'admin' and revoked_at is null and successor_id is null`,
      );
      expect(good).toHaveLength(1);
    } finally {
      await alone.stop();
    }
  });
});

describe('an organisation key', () => {
  const asAcme = (method: string, path: string, body?: unknown) =>
    call(method, path, body, deployment.organisation.key);

  it('manages the deployment keys of its own organisation', async () => {
    const { status, body } = await asAcme('POST', '', forInvoices);
    expect(status).toBe(200);
    expect((await asAcme('GET', `/${body.id}`)).status).toBe(200);
    const rotated = await asAcme('POST', `/${body.id}/rotate`, {});
    expect(rotated.status).toBe(200);
    expect((await asAcme('DELETE', `/${rotated.body.id}`)).status).toBe(200);
    expect(await opens(rotated.body.key)).toBe(false);
  });

  it('sees no other keys, and touches none', async () => {
    const { keys } = (await asAcme('GET', '?limit=1000')).body;
    for (const { kind, organisation } of keys)
      expect([kind, organisation]).toStrictEqual(['deployment', 'acme']);
    expect(keys.length).toBeGreaterThan(0);
    expect((await asAcme('GET', '?kind=admin')).body.keys).toStrictEqual([]);
    const ids = (await call('GET', '?limit=1000')).body.keys
      .filter(({ kind, organisation }: never) => kind !== 'deployment' || organisation !== 'acme')
      .map(({ id }: { id: string }) => id);
    for (const id of [...ids, NOBODY]) {
      expect((await asAcme('GET', `/${id}`)).status).toBe(404);
      expect((await asAcme('POST', `/${id}/rotate`, {})).status).toBe(404);
      expect((await asAcme('DELETE', `/${id}`)).status).toBe(404);
    }
    expect(foreign.key).not.toBe('');
    expect((await poll(foreign, NOBODY)).status).toBe(404);
  });
});
