import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { answer, eventually, poll, post, refusal, textFile } from '../testing/http-client.ts';
import { idOf, UNKNOWN, startDeployment, type DeploymentUnderTest } from './deployment.fixture.ts';

let under: DeploymentUnderTest;
let backend: DeploymentUnderTest['backend'];
let organisation: DeploymentUnderTest['organisation'];
let deployment: DeploymentUnderTest['deployment'];
let release: DeploymentUnderTest['release'];

beforeAll(async () => {
  under = await startDeployment();
  ({ backend, organisation, deployment, release } = under);
});
afterAll(() => under?.stop());

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

describe('the order of checks', () => {
  const address = (path: string, init: RequestInit = {}) => answer(fetch(`${backend.url}${path}`, init));
  const missing = refusal('client_error', 'missing_api_key', 'Missing api key');
  const wrongKey = { Authorization: 'Bearer lsk_dep_wrong' };

  it.each([
    ['no header', {}],
    ['a header of another kind', { Authorization: 'Basic abc' }],
    ['a Bearer header without a key', { Authorization: 'Bearer ' }],
  ])('begins with the key: %s is 403, on an unknown deployment too', async (_what, headers) => {
    for (const path of [deployment.path, '/deployment/api/acme/unknown/']) {
      expect(await address(path, { method: 'POST', headers })).toMatchObject({ status: 403, body: missing });
      expect(await address(`${path}?execution_id=x`, { headers })).toMatchObject({
        status: 403,
        body: missing,
      });
    }
  });

  it('goes on with the deployment: unknown, of an unknown organisation or inactive is 404 whatever the key', async () => {
    await backend.deploy(organisation, 'retired', { active: false });
    const body = refusal('client_error', 'not_found', 'API not found');
    for (const path of ['acme/unknown', 'nobody/invoices', 'acme/retired', 'acme/a%00b', 'a%00b/invoices']) {
      expect(await address(`/deployment/api/${path}/`, { headers: wrongKey })).toMatchObject({
        status: 404,
        body,
      });
      const post = { method: 'POST', headers: wrongKey };
      expect(await address(`/deployment/api/${path}/`, post)).toMatchObject({ status: 404, body });
    }
  });

  it('then the key itself: wrong, or of another kind, is 401 before any field is looked at', async () => {
    const body = refusal('client_error', 'authentication_failed', 'Unauthorized');
    for (const key of ['lsk_dep_wrong', backend.adminKey, 'x'.repeat(4_000)]) {
      expect(await post(deployment, [], { timeout: 'never' }, { key })).toMatchObject({ status: 401, body });
      expect(await poll(deployment, 'not-a-uuid', {}, { key })).toMatchObject({ status: 401, body });
    }
  });

  it('and an expired or revoked key is wrong at once', async () => {
    const { id, secret } = await backend.keys.create({
      kind: 'organisation',
      name: 'short',
      organisationId: organisation.id,
    });
    expect((await poll(deployment, UNKNOWN, {}, { key: secret })).status).toBe(404);
    await backend.database.query('update api_keys set revoked_at = now() where id = $1', [id]);
    expect((await poll(deployment, UNKNOWN, {}, { key: secret })).status).toBe(401);
    await backend.database.query(
      `update api_keys set revoked_at = null, expires_at = now() - interval '1 s' where id = $1`,
      [id],
    );
    expect((await poll(deployment, UNKNOWN, {}, { key: secret })).status).toBe(401);
  });
});

describe('a POST', () => {
  it('without a timeout answers PENDING at once, with all five keys and the address to poll', async () => {
    for (const fields of [{}, { timeout: '-1' }, { timeout: '0' }, { timeout: ' 0 ' }]) {
      const { status, body, headers } = await post(deployment, [textFile('a.txt')], fields);
      const id = idOf({ status, body, headers });
      expect(status).toBe(200);
      expect(headers.get('content-type')).toMatch(/^application\/json/);
      expect(id).toMatch(UUID);
      expect(body).toStrictEqual({
        message: {
          execution_id: id,
          execution_status: 'PENDING',
          status_api: `/deployment/api/acme/invoices/?execution_id=${id}`,
          error: null,
          result: null,
        },
      });
    }
  });

  it('with a timeout answers the result as soon as it is there, and that was the read', async () => {
    const { status, body } = await post(deployment, [textFile('a.txt', 'hello')], { timeout: '300' });
    expect(status).toBe(200);
    expect(Object.keys(body.message)).toStrictEqual([
      'execution_id',
      'execution_status',
      'status_api',
      'error',
      'result',
    ]);
    expect(body.message).toMatchObject({ execution_status: 'COMPLETED', error: null });
    expect(body.message.result).toMatchObject([{ file: 'a.txt', status: 'Success', error: null }]);
    expect(await poll(deployment, body.message.execution_id)).toMatchObject({
      status: 406,
      body: { status: 'COMPLETED', message: 'Result already acknowledged' },
    });
  });

  it('with a timeout that passes answers how far it is, and leaves the result to be read', async () => {
    const files = [textFile('a.txt', 'hold a')];
    const options = { idempotencyKey: 'held' };
    const id = idOf(await post(deployment, files, {}, options));
    await eventually(async () => (await under.native(id)).body.status === 'EXECUTING');
    const { status, body } = await post(deployment, files, { timeout: '1' }, options);
    expect(status).toBe(200);
    expect(body.message).toMatchObject({ execution_status: 'EXECUTING', error: null, result: null });
    expect(await poll(deployment, body.message.execution_id)).toMatchObject({
      status: 422,
      body: { status: 'EXECUTING', message: null },
    });
    await release(body.message.execution_id);
    expect((await poll(deployment, body.message.execution_id)).status).toBe(200);
  });

  it('whose execution fails within the timeout is 422, with the results of its files, and that was the read', async () => {
    const { status, body } = await post(
      deployment,
      [textFile('a.txt', 'fail'), textFile('b.txt', 'fail b')],
      {
        timeout: '300',
      },
    );
    expect(status).toBe(422);
    expect(body.message).toMatchObject({ execution_status: 'ERROR', error: expect.any(String) });
    expect(body.message.result).toMatchObject([
      { file: 'a.txt', status: 'Failed', error: 'cannot read a.txt', result: null },
      { file: 'b.txt', status: 'Failed', error: 'cannot read b.txt', result: null },
    ]);
    expect((await poll(deployment, body.message.execution_id)).status).toBe(406);
  });

  it('works with and without a trailing slash, as polling does', async () => {
    for (const slash of [true, false]) {
      const posted = await post(deployment, [textFile('a.txt')], { timeout: '0' }, { slash });
      expect(posted.status).toBe(200);
      expect([200, 422]).toContain((await poll(deployment, idOf(posted), {}, { slash })).status);
    }
  });

  it('takes deployment keys for that deployment, organisation keys for all of them, and no foreign key', async () => {
    const second = await backend.deploy(organisation, 'receipts');
    const stranger = await backend.organisation();
    const foreign = await backend.deploy(stranger, 'invoices');
    const statusWith = async (key: string) =>
      (await post(deployment, [textFile('a.txt')], {}, { key })).status;
    expect(await statusWith(deployment.key)).toBe(200);
    expect(await statusWith(organisation.key)).toBe(200);
    for (const key of [second.key, stranger.key, foreign.key]) expect(await statusWith(key)).toBe(401);
  });
});
