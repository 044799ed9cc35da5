import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { routes } from '@longshore/contracts';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startBackend, type HttpBackend, type TestDeployment } from '../testing/http-backend.ts';
import { answer, bearer, refusal } from '../testing/http-client.ts';

let postgres: TestPostgres;
let backend: HttpBackend;
let deployment: TestDeployment;

beforeAll(async () => {
  postgres = await startPostgres();
  backend = await startBackend(postgres);
  deployment = await backend.deploy(await backend.organisation(), 'invoices');
});
afterAll(async () => {
  await backend?.stop();
  await postgres?.stop();
});

const ask = (path: string, init: RequestInit = {}) => answer(fetch(`${backend.url}${path}`, init));
const json = (body: string, key = backend.adminKey): RequestInit => ({
  method: 'POST',
  headers: { ...bearer(key), 'Content-Type': 'application/json' },
  body,
});

describe('the routes', () => {
  const pathOf = ({ area, path }: { area: string; path: string }) =>
    (area === 'internal' ? `/internal${path}` : path).replaceAll(
      /:\w+/g,
      '00000000-0000-7000-8000-000000000000',
    );

  const closed = Object.entries(routes).filter(([, { auth }]) => auth !== 'none');

  it('are closed, but for the description of the API', () => {
    expect(Object.values(routes).filter(({ auth }) => auth === 'none')).toEqual([
      routes.openApi,
      routes.reader,
    ]);
  });

  it.each(closed)('%s is mounted and asks who is there', async (_name, route) => {
    const { status, body } = await ask(pathOf(route), { method: route.method.toUpperCase() });
    expect(status).toBe(route.withoutKey === 'key_required' ? 401 : 403);
    expect(body).toStrictEqual(refusal('client_error', route.withoutKey, 'Missing api key'));
  });

  it.each(Object.entries(routes))(
    'the address of %s knows no other method than the table',
    async (_name, route) => {
      const path = pathOf(route);
      const known = Object.values(routes).filter((other) => pathOf(other) === path);
      const methods = known.map(({ method }) => method.toUpperCase());
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']) {
        if (methods.includes(method)) continue;
        const { status, body, headers } = await ask(path, { method });
        expect([method, status, headers.get('allow')]).toStrictEqual([method, 405, methods.join(', ')]);
        if (method !== 'HEAD')
          expect(body.errors[0]).toMatchObject({ code: 'method_not_allowed', attr: null });
      }
      const options = await ask(path, { method: 'OPTIONS' });
      expect([options.status, options.headers.get('allow')]).toStrictEqual([204, methods.join(', ')]);
    },
  );

  it('are all there is, apart from the two probes', async () => {
    const body = refusal('client_error', 'not_found', 'No such address');
    for (const path of ['/internal/', '/internal/v1/', '/v1/health/', '/deployment/api/acme', '/health']) {
      for (const method of ['GET', 'POST', 'DELETE']) {
        expect(await ask(path, { method })).toMatchObject({ status: 404, body });
      }
    }
    const front = await fetch(`${backend.url}/`, { redirect: 'manual' });
    expect([front.status, front.headers.get('location')]).toStrictEqual([302, '/docs']);
    expect(await ask('/live')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await ask('/ready')).toMatchObject({ status: 200, body: { ready: true } });
  });
});

it('docs/monitoring.md names what the backend measures, with its type and meaning', async () => {
  const answered = await fetch(`${backend.url}/metrics`, {
    headers: { authorization: `Bearer ${backend.adminKey}` },
  });
  const measured = [
    ...(await answered.text()).matchAll(/^# HELP (longshore_(?!process_)\w+) (.*)\n# TYPE \w+ (\w+)$/gm),
  ];
  const page = readFileSync(new URL('../../../../docs/monitoring.md', import.meta.url), 'utf8');
  const told = [...page.matchAll(/^\| `(longshore_\w+)` +\| backend +\| (\w+) +\|[^|]*\| ([^|]*?) *\|$/gm)];
  expect(measured.length).toBeGreaterThan(2);
  expect(told.map(([, name, type, help]) => [name, help, type]).sort()).toEqual(
    measured.map(([, name, help, type]) => [name, help, type]).sort(),
  );
});

describe('a request that cannot be understood', () => {
  it('has an address that is no text', async () => {
    expect(await ask('/deployment/api/a/%ff/')).toMatchObject({
      status: 400,
      body: { type: 'client_error' },
    });
  });

  it.each([
    ['no JSON', '{'],
    ['nothing', ''],
    ['a text', '"x"'],
    ['a list', '[]'],
    ['null', 'null'],
    ['missing fields', '{}'],
    ['a wrong type', '{"name":7}'],
    ['a NUL character', '{"name":"a\\u0000"}'],
  ])('has %s for a body', async (_what, body) => {
    const answered = await ask('/api/v1/organisations', json(body));
    expect([answered.status, answered.body.errors.length]).toStrictEqual([400, 1]);
  });

  it('has text in it that the database does not know, deep inside', async () => {
    for (const bad of ['\\u0000', '\\ud800']) {
      const step = `{"extract":{"fields":{"a":{"type":"string","label":"x${bad}"}}}}`;
      const document = `{"kind":"workflow","name":"w","steps":[{"read":{}},${step}]}`;
      const body = `{"organisation":"${deployment.organisation.name}","documents":[${document}]}`;
      expect(await ask('/api/v1/apply', json(body))).toMatchObject({
        status: 400,
        body: { errors: [{ attr: 'body' }] },
      });
    }
  });

  it('has a body above 8 MB', async () => {
    expect(await ask('/api/v1/organisations', json(`{"name":"${'x'.repeat(9_000_000)}"}`))).toMatchObject({
      status: 413,
      body: refusal('client_error', 'too_large', 'The body is larger than 8 MB'),
    });
  });

  it('has a key of the wrong kind', async () => {
    const { body, status } = await ask(
      '/api/v1/organisations',
      json('{"name":"x"}', deployment.organisation.key),
    );
    expect([status, body.errors[0].code]).toStrictEqual([403, 'permission_denied']);
    expect(await ask('/api/v1/organisations', json('{"name":"x"}', 'lsk_adm_x'))).toMatchObject({
      status: 401,
    });
  });
});
