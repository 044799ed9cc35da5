import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { failure, pipelineUser, WORKFLOW, type PipelineUser } from '../pipelines/pipeline-user.fixture.ts';
import { startPipelineWorker, type PipelineWorker } from '../pipelines/pipeline-worker.fixture.ts';
import { startBackend, type HttpBackend, type TestOrganisation } from '../testing/http-backend.ts';
import { answer, bearer } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';

let postgres: TestPostgres;
let backend: HttpBackend;
let worker: PipelineWorker;
let organisation: TestOrganisation;
let user: PipelineUser;

beforeAll(async () => {
  postgres = await startPostgres();
  backend = await startBackend(postgres, { trustedProxies: ['127.0.0.1'] });
  worker = await startPipelineWorker(backend);
  organisation = await backend.organisation('quayside');
  user = pipelineUser({ backend, worker, organisation });
});
afterAll(async () => {
  await worker?.stop();
  await backend?.stop();
  await postgres?.stop();
});
afterEach(async () => {
  expect(await brokenInvariants(backend.database)).toEqual([]);
});

const SECRET = 'hush-1f9a7c';
const S3 = { access_key_id: 'AKIA1', secret_access_key: SECRET };
let made = 0;

function call(method: string, path: string, body?: unknown, key = organisation.key) {
  return answer(
    fetch(`${backend.url}/api/v1/${path}`, {
      method,
      headers: { ...bearer(key), 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  );
}

/** A credential of its own for a test. */
async function credential(values: object = S3, type = 's3'): Promise<string> {
  const name = `secret-${(made += 1)}`;
  expect((await call('POST', 'credentials', { name, type, values })).status).toBe(201);
  return name;
}

const reading = (name: string) => ({ source: { s3: { bucket: 'inbox', credential: name } } });

describe('a credential', () => {
  it('is shown without its values, and nothing that is stored or audited has them in clear', async () => {
    const name = await credential();
    const shown = await call('GET', `credentials/${name}`);
    expect(shown.body).toMatchObject({
      ...{ name, type: 's3', organisation: 'quayside', pipelines: [], last_used_at: null },
      keys: ['access_key_id', 'secret_access_key'],
    });
    const listed = await call('GET', 'credentials?limit=1000');
    expect(listed.body.credentials.map((each: { name: string }) => each.name)).toContain(name);
    await call('PATCH', `credentials/${name}`, { description: 'of the archive' });
    const exported = await call('GET', 'export', undefined, organisation.key);
    const stored = await backend.database.query('select row_to_json(c)::text from credentials c', []);
    const audited = await backend.database.query('select row_to_json(a)::text from audit_events a', []);
    expect(stored.length).toBeGreaterThan(0);
    for (const text of [shown, listed, exported, stored, audited].map((each) => JSON.stringify(each)))
      expect(text).not.toContain(SECRET);
  });

  it.each([
    ['with a key too much', { values: { ...S3, more: SECRET } }, 'values.more'],
    ['with a key too few', { values: { access_key_id: SECRET } }, 'values.secret_access_key'],
    ['of no type', { type: 'ftp', values: S3 }, 'type'],
    ['of another type', { type: 'webhook', values: { secret: SECRET } }, 'values.secret'],
  ])('%s is refused without a word of its values', async (_what, form, attr) => {
    const { status, body } = await call('POST', 'credentials', { name: 'wrong', type: 's3', ...form });
    expect([status, body.errors[0].attr]).toEqual([400, attr]);
    expect(JSON.stringify(body)).not.toContain(SECRET);
  });

  it('is made once, changed as a whole, and neither seen nor changed by others', async () => {
    const name = await credential();
    expect((await call('POST', 'credentials', { name, type: 's3', values: S3 })).status).toBe(409);
    expect((await call('PATCH', `credentials/${name}`, { values: { access_key_id: 'x' } })).status).toBe(400);
    const values = { ...S3, session_token: 'x' };
    expect((await call('PATCH', `credentials/${name}`, { values })).body.keys).toHaveLength(3);
    const other = await backend.organisation();
    for (const [method, path] of [
      ['GET', `credentials/${name}`],
      ['PATCH', `credentials/${name}`],
      ['DELETE', `credentials/${name}`],
      ['GET', `credentials/${name}?organisation=quayside`],
    ] as const)
      expect((await call(method, path, method === 'PATCH' ? {} : undefined, other.key)).status).toBe(404);
    expect((await call('GET', 'credentials', undefined, other.key)).body.credentials).toEqual([]);
  });

  it('is not deleted while a pipeline names it', async () => {
    const name = await credential();
    const pipeline = await user.pipeline(reading(name));
    const refused = await call('DELETE', `credentials/${name}`);
    expect([refused.status, refused.body.errors[0].detail]).toEqual([
      409,
      `It is named by the pipeline ${pipeline}`,
    ]);
    expect((await call('GET', `credentials/${name}`)).body.pipelines).toEqual([pipeline]);
    const changed = { kind: 'pipeline', pipeline_id: pipeline, workflow: 'totals', destination: 'none' };
    await user.apply({ ...changed, source: { folder: { path: '/data' } } });
    expect((await call('DELETE', `credentials/${name}`)).status).toBe(200);
    expect((await call('GET', `credentials/${name}`)).status).toBe(404);
  });
});

describe('a pipeline', () => {
  const end = (plan: { end(how: ReturnType<typeof failure>): Promise<void> }) => plan.end(failure('The end'));

  it('is refused when its credential is not there, or of another type', async () => {
    const name = await credential({ token: SECRET }, 'bearer');
    const document = { kind: 'pipeline', pipeline_id: 'p', workflow: 'totals', destination: 'none' };
    for (const [source, detail] of [
      [{ s3: { bucket: 'inbox', credential: 'nobody' } }, 'There is no credential "nobody"'],
      [
        { s3: { bucket: 'inbox', credential: name } },
        `The credential "${name}" is of type bearer; s3 is needed`,
      ],
    ] as const) {
      const { status, body } = await user.apply(WORKFLOW, { ...document, source });
      expect([status, body.errors]).toMatchObject([
        400,
        [{ attr: 'documents.1.source.s3.credential', detail }],
      ]);
    }
  });

  it('gives its runs what its credential holds, and no other run', async () => {
    const [name, foreign] = [await credential(), await credential()];
    const pipeline = await user.pipeline(reading(name));
    const { id, plan } = await user.planning(pipeline);
    const got = await plan.call('GET', `/credentials/${name}`);
    expect([got.status, await got.json()]).toEqual([200, { type: 's3', values: S3 }]);
    expect((await call('GET', `credentials/${name}`)).body.last_used_at).toEqual(expect.any(String));
    expect((await plan.call('GET', `/credentials/${foreign}`)).status).toBe(404);
    expect((await plan.call('GET', `/credentials/nobody`)).status).toBe(404);
    const inputs = await backend.database.query('select input::text from runs where id = $1', [id]);
    expect(JSON.stringify(inputs)).toContain(name);
    expect(JSON.stringify(inputs)).not.toContain(SECRET);
    const none = await user.planning(await user.pipeline());
    expect((await none.plan.call('GET', `/credentials/${name}`)).status).toBe(404);
    const taken = await none.plan.take('a.txt', 'A');
    await user.fanOut(none.plan, [taken]);
    const file = await worker.next('file.process', none.id);
    expect((await file.call('GET', `/credentials/${name}`)).status).toBe(403);
    await file.end(failure('The end'));
    await end(await worker.next('pipeline.finish', none.id));
    await end(plan);
    expect((await plan.call('GET', `/credentials/${name}`)).status).toBe(401);
  });

  it('is told that a credential cannot be opened, and not what it holds', async () => {
    const name = await credential();
    await backend.database.query(
      `update credentials c set sealed_values = o.sealed_values from credentials o where c.name = $1 and o.name = $2`,
      [name, await credential()],
    );
    const { plan } = await user.planning(await user.pipeline(reading(name)));
    const refused = await plan.call('GET', `/credentials/${name}`);
    expect([refused.status, await refused.text()]).toEqual([
      409,
      expect.stringContaining('cannot be opened'),
    ]);
    await end(plan);
    // Given anew it opens.
    const { status } = await call('PATCH', `credentials/${name}`, { values: S3 });
    expect(status).toBe(200);
  });
});

describe('applying a credential', () => {
  const document = (name: string, values: object = S3) => ({ kind: 'credential', name, type: 's3', values });

  it('makes it together with the pipeline that names it, and tells which values changed, not to what', async () => {
    const pipeline = { kind: 'pipeline', pipeline_id: 'both', workflow: 'totals', destination: 'none' };
    const documents = [WORKFLOW, { ...pipeline, ...reading('applied') }, document('applied')];
    const said = await user.apply(...documents);
    expect(said.body.changes[0]).toMatchObject({ kind: 'credential', name: 'applied', action: 'created' });
    expect((await user.apply(document('applied'))).body.changes).toMatchObject([{ action: 'unchanged' }]);
    const changed = await user.apply(document('applied', { ...S3, secret_access_key: 'other' }));
    expect(changed.body.changes).toEqual([
      {
        ...{ kind: 'credential', name: 'applied', action: 'updated', version: null },
        differences: [{ change: 'changed', path: '/values/secret_access_key' }],
      },
    ]);
    const { body: exported } = await call('GET', 'export');
    expect(JSON.stringify(exported)).not.toContain('secret_access_key');
  });

  it('does not change its type, and does nothing where anything is wrong', async () => {
    const name = await credential();
    const bearerOne = { kind: 'credential', name, type: 'bearer', values: { token: 'x' } };
    const { status, body } = await user.apply(document('fresh'), bearerOne);
    expect([status, body.errors[0].attr]).toEqual([400, 'documents.1.type']);
    expect((await call('GET', 'credentials/fresh')).status).toBe(404);
  });
});
