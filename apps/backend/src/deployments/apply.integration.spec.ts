import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startBackend, type HttpBackend, type TestDeployment } from '../testing/http-backend.ts';
import { answer, bearer, post, textFile } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';

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

const fields = { zebra: { type: 'string', label: 'Z' }, amount: { type: 'number', label: 'Amount' } };
const workflow = (extract: object = { fields }, more = {}) => ({
  ...{ kind: 'workflow', name: 'w', steps: [{ read: {} }, { extract }] },
  ...more,
});
const deployment = (more = {}) => ({ kind: 'deployment', api_name: 'd', workflow: 'w', ...more });

async function call(path: string, body?: unknown) {
  return await answer(
    fetch(`${backend.url}/api/v1/${path}`, {
      headers: { ...bearer(backend.adminKey), 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    }),
  );
}

/** An organisation of its own, with what it takes to apply to it and to look at it. */
async function setup() {
  const organisation = await backend.organisation();
  const send = (documents: object[], more = {}) =>
    call('apply', { organisation: organisation.name, documents, ...more });
  const rows = () =>
    backend.database.query(
      `select w.id, w.description, v.id as version_id, v.version, v.definition::text, d.version as pinned, d.active, d.settings
         from workflows w join workflow_versions v on v.workflow_id = w.id left join deployments d on d.workflow_id = w.id
        where w.organisation_id = $1 order by v.version`,
      [organisation.id],
    );
  return {
    organisation,
    rows,
    apply: async (documents: object[], more = {}) => {
      const { status, body } = await send(documents, more);
      expect([status, body.errors]).toEqual([200, undefined]);
      return body.changes as { action: string; version: number; differences: object[] }[];
    },
    refused: async (documents: object[]) => {
      const { status, body } = await send(documents);
      expect(status).toBe(400);
      return body.errors as { attr: string; detail: string }[];
    },
    exported: async () => (await call(`export?organisation=${organisation.name}`)).body,
  };
}

describe('versions', () => {
  it('are made by what a definition says, not by how it is written down', async () => {
    const { apply, rows } = await setup();
    await apply([workflow()]);
    const turned = { amount: { label: 'Amount', type: 'number' }, zebra: fields.zebra };
    expect(await apply([workflow({ fields: turned })])).toMatchObject([{ action: 'unchanged', version: 1 }]);
    expect(
      await apply([workflow({ fields }, { steps: [{ read: null }, { extract: { fields } }] })]),
    ).toMatchObject([{ action: 'unchanged' }]);
    expect(await rows()).toHaveLength(1);
    expect(await apply([workflow({ fields: { zebra: fields.zebra } })])).toMatchObject([{ version: 2 }]);
  });

  it('keep the order of their fields', async () => {
    const { apply, rows } = await setup();
    await apply([workflow()]);
    const [row] = await rows();
    expect(row!['definition']).toMatch(/"zebra".*"amount"/u);
  });

  it('never change, whoever tries', async () => {
    const { apply, rows } = await setup();
    await apply([workflow()]);
    const [row] = await rows();
    const change = backend.database.query(`update workflow_versions set definition = '{}' where id = $1`, [
      row!['version_id'],
    ]);
    await expect(change).rejects.toThrow('a workflow version never changes');
    await apply([workflow({ fields: { other: fields.zebra } }, { description: 'Words' })]);
    expect((await rows())[0]!['definition']).toBe(row!['definition']);
  });

  it('are what a deployment runs: the latest, or the one it is pinned to', async () => {
    const { apply, refused, organisation } = await setup();
    await apply([workflow(), deployment()]);
    const second = workflow({ fields: { zebra: fields.zebra } });
    expect(await apply([deployment(), second])).toMatchObject([
      { version: 2 },
      { action: 'unchanged', version: 2 },
    ]);
    expect(await apply([deployment({ version: 1 })])).toMatchObject([
      { action: 'updated', version: 1, differences: [{ change: 'added', path: '/version', to: 1 }] },
    ]);
    expect(
      await apply([workflow({ fields: { amount: fields.amount } }), deployment({ version: 1 })]),
    ).toMatchObject([{ version: 3 }, { action: 'unchanged', version: 1 }]);
    expect(await versionOfNewExecution(organisation)).toBe(1);
    await apply([deployment()]);
    expect(await versionOfNewExecution(organisation)).toBe(3);
    expect(await apply([second, deployment({ version: 4 })])).toMatchObject([{ version: 4 }, { version: 4 }]);
    expect(await refused([deployment({ version: 5 })])).toMatchObject([
      { attr: 'documents.0.version', detail: 'Workflow "w" has no version 5: its latest is 4' },
    ]);
    expect(await brokenInvariants(backend.database)).toEqual([]);
  });
});

/** The version with which a new file is worked on; the native API says the same of the deployment. */
async function versionOfNewExecution(organisation: Organisation): Promise<number> {
  const { body: shown } = await call(`deployments/d?organisation=${organisation.name}`);
  const url = `${backend.url}/deployment/api/${organisation.name}/d`;
  const { body } = await post({ url, key: organisation.key } as TestDeployment, [textFile('a')]);
  const [row] = await backend.database.query<{ version: number }>(
    'select v.version from executions e join workflow_versions v on v.id = e.workflow_version_id where e.id = $1',
    [body.message.execution_id],
  );
  expect(shown.workflow_version).toBe(row!.version);
  return row!.version;
}

type Organisation = Awaited<ReturnType<HttpBackend['organisation']>>;

describe('a dry run', () => {
  it('says field by field what would be done, and does nothing', async () => {
    const { apply, rows } = await setup();
    await apply([workflow(), deployment()]);
    const before = await rows();
    const changed = workflow({ fields: { zebra: { type: 'string', label: 'Y' }, new: fields.amount } });
    const documents = [changed, deployment({ active: false }), deployment({ api_name: 'e' })];
    const said = await apply(documents, { dry_run: true });
    expect(said).toMatchObject([
      {
        ...{ kind: 'workflow', name: 'w', action: 'updated', version: 2 },
        differences: [
          { change: 'changed', path: '/steps/1/extract/fields/zebra/label', from: 'Z', to: 'Y' },
          { change: 'removed', path: '/steps/1/extract/fields/amount' },
          { change: 'added', path: '/steps/1/extract/fields/new' },
        ],
      },
      {
        ...{ kind: 'deployment', name: 'd', action: 'updated', version: 2 },
        differences: [{ change: 'changed', path: '/active', from: true, to: false }],
      },
      { kind: 'deployment', name: 'e', action: 'created', version: 2 },
    ]);
    expect(await rows()).toStrictEqual(before);
    expect(await apply(documents)).toStrictEqual(said);
    expect(await apply(documents)).toMatchObject(said.map(() => ({ action: 'unchanged', differences: [] })));
  });

  it('refuses what would be refused', async () => {
    const { organisation } = await setup();
    const body = { organisation: organisation.name, documents: [deployment()], dry_run: true };
    expect(await call('apply', body)).toMatchObject({
      status: 400,
      body: { errors: [{ attr: 'documents.0.workflow' }] },
    });
  });
});

describe('an export', () => {
  it('is applied again without change, to the same organisation and to another', async () => {
    const [one, other] = [await setup(), await setup()];
    const rich = workflow(
      {
        fields: {
          zebra: {
            type: 'string',
            from: [{ label: 'Z', when: '$document.kind = "pdf"' }, { value: 'none' }],
          },
          amount: { type: 'number', compute: '1 + 1', validate: { min: 0, outcome: 'problem' } },
        },
        overrides: [{ file: '*-x.*', remove: ['amount'] }],
      },
      { description: 'All of it', output_schema: { type: 'object', required: ['zebra'] } },
    );
    await one.apply([workflow()]);
    await one.apply([
      rich,
      deployment({ description: 'Words', version: 2 }),
      deployment({ api_name: 'off', active: false }),
    ]);
    const exported = await one.exported();
    expect(exported.workflows).toStrictEqual([{ version: 2, document: rich }]);
    const documents = [...exported.workflows, ...exported.deployments].map(({ document }) => document);
    expect(documents.slice(1)).toStrictEqual([
      deployment({ description: 'Words', version: 2 }),
      deployment({ api_name: 'off', active: false }),
    ]);
    for (const { action } of await one.apply(documents)) expect(action).toBe('unchanged');
    const unpinned = documents.map(({ version: _version, ...document }) => document);
    for (const { action } of await other.apply(unpinned)) expect(action).toBe('created');
    expect((await other.exported()).workflows).toStrictEqual([{ version: 1, document: rich }]);
  });

  it('of nothing is empty, and of another organisation refused', async () => {
    const { exported, organisation } = await setup();
    expect(await exported()).toEqual({ workflows: [], deployments: [], pipelines: [], schedules: [] });
    const { name: foreign } = await backend.organisation();
    const headers = bearer(organisation.key);
    const asked = (query: string) => answer(fetch(`${backend.url}/api/v1/export${query}`, { headers }));
    expect(await asked(`?organisation=${foreign}`)).toMatchObject({ status: 404 });
    expect(await asked('')).toMatchObject({ status: 200 });
  });
});

describe('a request to apply is refused', () => {
  it('with two documents for one thing', async () => {
    const { refused } = await setup();
    expect(
      await refused([workflow(), deployment(), workflow({ fields: { a: fields.zebra } }), deployment()]),
    ).toEqual([
      { code: 'invalid', attr: 'documents.2.name', detail: 'There is another document for the workflow "w"' },
      {
        code: 'invalid',
        attr: 'documents.3.api_name',
        detail: 'There is another document for the deployment "d"',
      },
    ]);
  });

  it('with an expression, a pattern or a reference that cannot be', async () => {
    const { refused } = await setup();
    const wrong = {
      fields: { a: { type: 'number', compute: 'b +' }, b: { type: 'string', from: [{ regex: '(' }] } },
      overrides: [{ file: '[', remove: ['c'] }],
    };
    expect((await refused([workflow(wrong)])).map(({ attr }) => attr)).toEqual([
      'documents.0.steps.1.extract.fields.a.compute',
      'documents.0.steps.1.extract.fields.b.from.0.regex',
      'documents.0.steps.1.extract.overrides.0.file',
    ]);
  });
});
