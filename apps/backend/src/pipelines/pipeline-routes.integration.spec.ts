import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startBackend, type HttpBackend, type TestOrganisation } from '../testing/http-backend.ts';
import { answer, bearer, refusal } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { pipelineDocument, pipelineUser, WORKFLOW, type PipelineUser } from './pipeline-user.fixture.ts';
import { startPipelineWorker, type PipelineWorker } from './pipeline-worker.fixture.ts';

let postgres: TestPostgres;
let backend: HttpBackend;
let worker: PipelineWorker;
let organisation: TestOrganisation;
let user: PipelineUser;

beforeAll(async () => {
  postgres = await startPostgres();
  backend = await startBackend(postgres, { trustedProxies: ['127.0.0.1'], maxFileBytes: 1_000 });
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

describe('the address of a pipeline', () => {
  it('asks for a key, then for the pipeline, then whether the key opens it', async () => {
    const name = await user.pipeline();
    const missing = await user.run(name, { key: null });
    expect([missing.status, missing.body]).toEqual([
      403,
      refusal('client_error', 'missing_api_key', 'Missing api key'),
    ]);
    expect((await user.run('nobody', { key: 'wrong' })).status).toBe(404);
    expect((await user.run(name, { key: 'wrong' })).status).toBe(401);
    await user.apply(pipelineDocument(name, { active: false }));
    expect((await user.run(name)).status).toBe(404);
  });

  it('is opened by a key of its own, which opens no other', async () => {
    const [name, other] = [await user.pipeline(), await user.pipeline()];
    const { body } = await answer(
      fetch(`${backend.url}/api/v1/keys`, {
        method: 'POST',
        headers: { ...bearer(organisation.key), 'Content-Type': 'application/json' },
        body: JSON.stringify({ kind: 'deployment', name: 'one', organisation: 'quayside', api_name: name }),
      }),
    );
    expect((await user.run(name, { key: body.key })).status).toBe(200);
    expect((await user.run(other, { key: body.key })).status).toBe(401);
  });

  it('is not the address of a deployment, nor the other way round', async () => {
    const name = await user.pipeline();
    const { url } = await backend.deploy(organisation, 'letters');
    expect((await user.run('letters')).status).toBe(404);
    const form = new FormData();
    form.append('files', new Blob(['x']), 'x.txt');
    const posted = fetch(url.replace('letters', name), {
      ...{ method: 'POST', headers: bearer(organisation.key), body: form },
    });
    expect((await answer(posted)).status).toBe(404);
  });

  it.each([
    ['nothing', undefined],
    ['JSON', { force: false, timeout: 0, tags: 'march', custom_data: { order: 7 } }],
    ['a form', formOf({ force: 'no', tags: 'march' })],
    ['an encoded form', new URLSearchParams({ timeout: '-1' })],
  ])('takes %s, with and without the slash, and answers five keys', async (_what, body) => {
    const name = await user.pipeline();
    for (const slash of ['', '/']) {
      const { status, body: answered } = await user.run(name, { slash, body });
      expect(status).toBe(200);
      const id = answered.message.execution_id as string;
      expect(answered).toEqual({
        message: {
          execution_id: id,
          execution_status: 'PENDING',
          status_api: `/deployment/pipeline/api/quayside/${name}/?execution_id=${id}`,
          error: null,
          result: null,
        },
      });
    }
  });

  it.each([
    ['a timeout beyond 300', { timeout: 301 }, 'timeout'],
    ['two tags', { tags: ['a', 'b'] }, 'tags'],
    ['custom data that are no object', { custom_data: [1] }, 'custom_data'],
    ['a force that is no boolean', { force: 'perhaps' }, 'force'],
    ['a list for an object', [], 'body'],
  ])('refuses %s', async (_what, body, attr) => {
    const { status, body: answered } = await user.run(await user.pipeline(), { body });
    expect([status, answered.errors[0].attr]).toEqual([400, attr]);
  });

  it('refuses files, other bodies and what is no JSON', async () => {
    const name = await user.pipeline();
    const form = new FormData();
    form.append('files', new Blob(['x']), 'x.txt');
    expect((await user.run(name, { body: form })).status).toBe(400);
    const raw = (type: string, body: string) =>
      fetch(user.address(name), {
        ...{ method: 'POST', body, headers: { ...bearer(organisation.key), 'Content-Type': type } },
      });
    expect((await raw('text/plain', 'x')).status).toBe(415);
    expect((await raw('application/json', '{')).status).toBe(400);
    expect((await raw('application/json', `{"x":"${'x'.repeat(1_100_000)}"}`)).status).toBe(413);
  });

  it('answers a repeated request under one key with the first execution', async () => {
    const name = await user.pipeline();
    const once = (body: object) => user.run(name, { body, headers: { 'Idempotency-Key': 'k1' } });
    const [first, second] = [await once({ force: true }), await once({ force: true, timeout: 0 })];
    expect(second.body.message.execution_id).toBe(first.body.message.execution_id);
    expect((await once({ force: false })).status).toBe(409);
  });
});

function formOf(fields: Record<string, string>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return form;
}

describe('a pipeline among the documents that are applied', () => {
  it('is exported as it was applied, and applied again it is unchanged', async () => {
    const written = pipelineDocument('exported', {
      ...{ source: { https: ['https://example.org/b.pdf', 'https://example.org/a.pdf'] }, version: 1 },
      ...{ destination: { folder: { path: '/data/out' } }, settings: { max_parallel_files: 2 } },
    });
    expect((await user.apply(WORKFLOW, written)).body.changes[1]).toMatchObject({
      ...{ kind: 'pipeline', name: 'exported', action: 'created', version: 1 },
    });
    const { body } = await user.native('export');
    const exported = body.pipelines.find(
      ({ document }: { document: { pipeline_id: string } }) => document.pipeline_id === 'exported',
    );
    expect(exported.document).toEqual(written);
    expect((await user.apply(exported.document)).body.changes[0].action).toBe('unchanged');
    const changed = { ...written, destination: 'none' };
    expect((await user.apply(changed)).body.changes[0]).toMatchObject({
      ...{ action: 'updated', differences: [{ path: '/destination', to: 'none' }] },
    });
  });

  it('has a name that no deployment has, and a deployment none of a pipeline', async () => {
    const name = await user.pipeline();
    const deployment = { kind: 'deployment', api_name: name, workflow: 'totals' };
    expect((await user.apply(deployment)).body.errors[0]).toMatchObject({ attr: 'documents.0.api_name' });
    await user.apply({ ...deployment, api_name: 'taken' });
    expect((await user.apply(pipelineDocument('taken'))).body.errors[0]).toMatchObject({
      attr: 'documents.0.pipeline_id',
    });
    const both = await user.apply({ ...deployment, api_name: 'both' }, pipelineDocument('both'));
    expect(both.body.errors[0]).toMatchObject({ attr: 'documents.1.pipeline_id' });
  });

  it('needs its workflow', async () => {
    const { status, body } = await user.apply(pipelineDocument('x', { workflow: 'nothing' }));
    expect([status, body.errors[0].attr]).toEqual([400, 'documents.0.workflow']);
  });
});
