import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startBackend, type HttpBackend, type TestDeployment } from '../testing/http-backend.ts';
import { answer, bearer, post, textFile } from '../testing/http-client.ts';

let postgres: TestPostgres;
let backend: HttpBackend;

beforeAll(async () => {
  postgres = await startPostgres();
  backend = await startBackend(postgres);
});
afterAll(async () => {
  await backend?.stop();
  await postgres?.stop();
});

const call = (path: string, body?: unknown) =>
  answer(
    fetch(`${backend.url}/api/v1/${path}`, {
      headers: { ...bearer(backend.adminKey), 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    }),
  );
const workflow = (name: string, more = {}) => ({ kind: 'workflow', name, steps: [{ read: {} }], ...more });
const deployment = (api_name: string, name: string, more = {}) => ({
  kind: 'deployment',
  api_name,
  workflow: name,
  ...more,
});
const actionsOf = async (organisation: string, ...documents: object[]) => {
  const { status, body } = await call('apply', { organisation, documents });
  expect(status).toBe(200);
  return body.changes.map((change: { action: string; version: number | null }) => [
    change.action,
    change.version,
  ]);
};

describe('applying documents', () => {
  it('creates, leaves alone what is the same, and gives a changed workflow a new version', async () => {
    const { name } = await backend.organisation();
    const apply = (...documents: object[]) => actionsOf(name, ...documents);
    expect(await apply(deployment('d', 'w'), workflow('w'))).toStrictEqual([
      ['created', 1],
      ['created', 1],
    ]);
    expect(await apply(workflow('w'), deployment('d', 'w', { settings: {} }))).toStrictEqual([
      ['unchanged', 1],
      ['unchanged', 1],
    ]);
    expect(await apply(workflow('w', { description: 'words make no version' }))).toStrictEqual([
      ['updated', 1],
    ]);
    expect(await apply(workflow('w', { steps: [{ read: { max_pages: 3 } }] }))).toStrictEqual([
      ['updated', 2],
    ]);
    expect(await apply(deployment('d', 'w', { settings: { max_parallel_files: 2 } }))).toStrictEqual([
      ['updated', 2],
    ]);
  });

  it('switches a deployment off and on', async () => {
    const organisation = await backend.organisation();
    const target = await backend.deploy(organisation, 'd');
    const switched = deployment('d', 'd-workflow', { active: false });
    expect(await actionsOf(organisation.name, switched)).toStrictEqual([['updated', 1]]);
    expect((await post(target, [textFile('a')])).status).toBe(404);
    expect(await actionsOf(organisation.name, switched)).toStrictEqual([['unchanged', 1]]);
    expect(await actionsOf(organisation.name, { ...switched, active: true })).toStrictEqual([['updated', 1]]);
    expect((await post(target, [textFile('a')])).status).toBe(200);
  });

  it('does all or nothing', async () => {
    const { name, id } = await backend.organisation();
    const documents = [workflow('w'), deployment('d', 'missing')];
    expect(await call('apply', { organisation: name, documents })).toMatchObject({
      status: 400,
      body: { errors: [{ code: 'invalid', attr: 'documents.1.workflow' }] },
    });
    expect(
      await backend.database.query('select 1 from workflows where organisation_id = $1', [id]),
    ).toHaveLength(0);
    expect(await call('apply', { organisation: 'nobody', documents })).toMatchObject({ status: 404 });
  });

  it('of one organisation at the same moment end as if one came after the other', async () => {
    const { name } = await backend.organisation();
    const steps = Array.from({ length: 8 }, (_, index) => ({ steps: [{ read: { max_pages: index + 1 } }] }));
    const changes = await Promise.all(steps.map((step) => actionsOf(name, workflow('w', step))));
    expect(changes.map(([[, version]]) => version).sort()).toStrictEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });
});

it('new executions get the latest version and the settings of their deployment, else of the organisation', async () => {
  const organisation = await backend.organisation();
  const plan = async (target: TestDeployment) => {
    const { body } = await post(target, [textFile('a')]);
    const [row] = await backend.database.query<{ input: { max_parallel_files: number } }>(
      'select input from runs where id = $1',
      [body.message.execution_id],
    );
    return row!.input.max_parallel_files;
  };
  expect(await plan(await backend.deploy(organisation, 'plain'))).toBe(4);
  await backend.database.query('update organisations set max_parallel_files = 7 where id = $1', [
    organisation.id,
  ]);
  expect(await plan(await backend.deploy(organisation, 'plain'))).toBe(7);
  expect(await plan(await backend.deploy(organisation, 'own', { max_parallel_files: 2 }))).toBe(2);
});

describe('keys and organisations', () => {
  it('an organisation has one name, which nobody else has', async () => {
    const { name } = await backend.organisation();
    expect(await call('organisations', { name })).toMatchObject({
      status: 409,
      body: { errors: [{ attr: 'name' }] },
    });
  });

  it('a key is for something that exists', async () => {
    const { name } = await backend.organisation();
    const kinds = { kind: 'deployment', name: 'k', organisation: name, api_name: 'missing' };
    expect(await call('keys', kinds)).toMatchObject({
      status: 404,
      body: { errors: [{ attr: 'api_name' }] },
    });
    expect(await call('keys', { ...kinds, organisation: 'nobody\0' })).toMatchObject({ status: 400 });
    expect(await call('keys', { ...kinds, kind: 'organisation', organisation: 'nobody' })).toMatchObject({
      status: 404,
    });
    expect(await call('keys', { kind: 'service', name: 'k', workers: ['a'], queues: [] })).toMatchObject({
      status: 400,
      body: { errors: [{ attr: 'queues' }] },
    });
  });
});

it('workers and queues are shown as they are', async () => {
  await backend.worker();
  await backend.database.query('update sessions set loop_age_ms = 12500.5');
  const { body } = await call('workers');
  const session = { instance: 'general-1', concurrency: 10, state: 'active', loop_age_ms: 12_500.5 };
  expect(body.pools).toMatchObject([{ worker: 'general', sessions: [session] }]);
  const queues = await call('queues');
  expect(queues.status).toBe(200);
  for (const { served } of queues.body.queues) expect(served).toBe(true);
});
