import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Deletion } from '@longshore/contracts';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startBackend, type HttpBackend, type TestOrganisation } from '../testing/http-backend.ts';
import { answer, bearer, eventually, poll, post, textFile } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { requestDeletion } from './deletions.ts';
import { INSTANCE_TABLES, KEPT_TABLES, ownedBy, readFootprints } from './footprints.ts';
import { createKeeper } from './kept-executions.fixture.ts';
import { createOrganisationDeletions } from './organisation-deletion.ts';

let postgres: TestPostgres;
let backend: HttpBackend;

beforeAll(async () => {
  postgres = await startPostgres();
  backend = await startBackend(postgres);
});
afterEach(async () => {
  expect(await brokenInvariants(backend.database)).toEqual([]);
});
afterAll(async () => {
  await backend?.stop();
  await postgres?.stop();
});

const large = `x`.repeat(300);

/** An organisation with two ended executions, one of whose results lies in the file store. */
async function organisationWithWork() {
  const organisation = await backend.organisation();
  const deployment = await backend.deploy(organisation, 'invoices');
  const worker = await backend.worker({
    async processFile(run, call) {
      await call('POST', '/v1/logs', {
        body: { items: [{ token: run.token, level: 'info', message: 'read', fields: null }] },
      });
      if (run.file!.size < large.length) return { output: { output: { name: run.file!.name } } };
      const body = new TextEncoder().encode(JSON.stringify({ output: { text: large } }));
      const stored = await call('PUT', `/v1/runs/${run.run_id}/output`, { body, token: run.token });
      return (await stored.json()) as { ref: string; size: number };
    },
  });
  const ids: string[] = [];
  for (const files of [[textFile('a.txt'), textFile('b.txt', large)], [textFile('c.txt')]]) {
    const { body } = await post(deployment, files, { timeout: '20' });
    expect(body.message.execution_status).toBe('COMPLETED');
    ids.push(body.message.execution_id);
  }
  await worker.stop();
  return { organisation, deployment, ids };
}

const call = (method: string, path: string, key: string, body?: unknown) =>
  answer(
    fetch(`${backend.url}/api/v1/${path}`, {
      method,
      headers: { ...bearer(key), 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  );

/** Every table that has a row in which one of these texts stands anywhere. */
async function tablesNaming(texts: readonly string[]): Promise<string[]> {
  const tables = await backend.database.query<{ name: string }>(
    `select c.relname as name from pg_class c
      where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`,
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const rows = await backend.database.query(
      `select 1 from ${name} t where to_jsonb(t)::text ~ any($1::text[]) limit 1`,
      [texts],
    );
    if (rows.length > 0) found.push(name);
  }
  return found.sort();
}

/** Whatever tells an organisation's rows from others': its id, and the ids of all that it has. */
async function idsOf({ id }: TestOrganisation): Promise<string[]> {
  const rows = await backend.database.query<{ id: string }>(
    `select id::text from runs where organisation_id = $1 union select id::text from files where organisation_id = $1
     union select id::text from workflows where organisation_id = $1
     union select id::text from deployments where organisation_id = $1
     union select v.id::text from workflow_versions v join workflows w on w.id = v.workflow_id where w.organisation_id = $1
     union select id::text from api_keys where organisation_id = $1`,
    [id],
  );
  return [id, ...rows.map((row) => row.id)];
}

describe('the deletion of an execution', () => {
  it('leaves no row of it anywhere and no object, and nothing of others is touched', async () => {
    const { organisation, deployment, ids } = await organisationWithWork();
    const [first, second] = ids as [string, string];
    const family = await backend.database.query<{ id: string }>('select id from runs where root_id = $1', [
      first,
    ]);
    const objects = async (of: string[]) =>
      (await backend.storedFiles()).filter((file) => of.some((id) => file.includes(id)));
    const runIds = family.map(({ id }) => id);
    expect((await objects(runIds)).length).toBe(2);
    const { status, body } = await call('DELETE', `executions/${first}`, organisation.key);
    expect([status, body.execution_id, body.removed.runs, body.removed.files]).toEqual([200, first, 4, 2]);
    await eventually(async () => (await objects(runIds)).length === 0);
    expect((await tablesNaming(runIds)).filter((table) => table !== 'audit_events')).toEqual([]);
    expect((await poll(deployment, first)).status).toBe(404);
    expect((await call('DELETE', `executions/${first}`, organisation.key)).status).toBe(404);
    expect((await call('GET', `executions/${second}`, organisation.key)).body.result).toHaveLength(1);
  });

  it('is refused before its end, and to others', async () => {
    const organisation = await backend.organisation();
    const deployment = await backend.deploy(organisation, 'invoices');
    const { body } = await post(deployment, [textFile('a.txt')]);
    const path = `executions/${body.message.execution_id}`;
    const other = await backend.organisation();
    expect((await call('DELETE', path, other.key)).status).toBe(404);
    expect((await call('DELETE', path, deployment.key)).status).toBe(403);
    const refused = await call('DELETE', path, organisation.key);
    expect([refused.status, refused.body.errors[0].code]).toEqual([409, 'conflict']);
    const worker = await backend.worker();
    await eventually(async () => (await call('GET', path, organisation.key)).body.status === 'COMPLETED');
    await worker.stop();
    expect((await call('DELETE', path, backend.adminKey)).status).toBe(200);
  });
});

describe('the deletion of an organisation', () => {
  const following = (id: string) => async () =>
    (await call('GET', `deletions/${id}`, backend.adminKey)).body.state === 'done';

  it('leaves nothing of it, proves that, and touches no other', async () => {
    const kept = await organisationWithWork();
    const { organisation, deployment } = await organisationWithWork();
    const ids = await idsOf(organisation);
    const objects = async () =>
      (await backend.storedFiles()).filter((file) => ids.some((id) => file.includes(id)));
    expect((await objects()).length).toBe(3);
    const started = await call(
      'DELETE',
      `organisations/${organisation.name}?confirm=${organisation.name}`,
      backend.adminKey,
    );
    expect([started.status, started.body.organisation]).toEqual([202, organisation.name]);
    expect((await post(deployment, [textFile('d.txt')])).status).toBe(401);
    await eventually(following(started.body.deletion_id));
    const { body } = await call('GET', `deletions/${started.body.deletion_id}`, backend.adminKey);
    const { removed, remaining } = body as Deletion;
    expect(removed).toMatchObject({
      executions: 2,
      runs: 7,
      files: 3,
      workflows: 1,
      organisations: 1,
      run_logs: 3,
    });
    expect(remaining!.objects).toBe(0);
    expect(Object.keys(remaining!.rows)).toEqual(
      expect.arrayContaining(['runs', 'files', 'attempts', 'workflow_versions']),
    );
    expect(Object.values(remaining!.rows).filter((left) => left !== 0)).toEqual([]);
    expect(await tablesNaming(ids)).toEqual([...KEPT_TABLES]);
    expect(await objects()).toEqual([]);
    expect((await call('GET', `executions/${kept.ids[0]}`, kept.organisation.key)).body.result).toHaveLength(
      2,
    );
    expect(
      (
        await call(
          'DELETE',
          `organisations/${organisation.name}?confirm=${organisation.name}`,
          backend.adminKey,
        )
      ).status,
    ).toBe(404);
  });

  it('wants its name said twice, an end of all work, and an administrator', async () => {
    const organisation = await backend.organisation();
    const deployment = await backend.deploy(organisation, 'invoices');
    const { body } = await post(deployment, [textFile('a.txt')]);
    const path = `organisations/${organisation.name}`;
    expect((await call('DELETE', path, backend.adminKey)).status).toBe(400);
    expect((await call('DELETE', `${path}?confirm=other`, backend.adminKey)).status).toBe(400);
    expect((await call('DELETE', `${path}?confirm=${organisation.name}`, organisation.key)).status).toBe(403);
    expect((await call('DELETE', `${path}?confirm=${organisation.name}`, backend.adminKey)).status).toBe(409);
    const worker = await backend.worker();
    await eventually(
      async () =>
        (await call('GET', `executions/${body.message.execution_id}`, organisation.key)).body.status ===
        'COMPLETED',
    );
    await worker.stop();
    const begun = await call('DELETE', `${path}?confirm=${organisation.name}`, backend.adminKey);
    await eventually(following(begun.body.deletion_id));
  });

  it('that was cut short goes on where it was', async () => {
    const { organisation } = await organisationWithWork();
    const { database } = backend;
    const keeper = await createKeeper(database);
    const cut = new AbortController();
    const { deletion_id: id } = await requestDeletion(database, organisation.name);
    const clock = { ...keeper.dependencies.clock, sleep: async () => cut.abort() };
    await createOrganisationDeletions({ ...keeper.dependencies, clock })(cut.signal);
    await eventually(following(id));
    expect(await tablesNaming([organisation.id])).toEqual([...KEPT_TABLES]);
    await keeper.remove();
  });

  it('and the acceptance of work exclude each other', async () => {
    const { id, name } = await backend.organisation();
    const insert = 'insert into live_executions (id, organisation_id) values (gen_random_uuid(), $1)';
    let refusal: Promise<unknown> | undefined;
    await backend.database
      .transaction(async (client) => {
        await client.query(insert, [id]);
        refusal = requestDeletion(backend.database, name).catch((error: unknown) => error);
        await client.query('select pg_sleep(0.2)');
        throw new Error('not accepted after all');
      })
      .catch(() => undefined);
    expect(await refusal).toMatchObject({ organisation: name });
    await expect(backend.database.query(insert, [id])).rejects.toMatchObject({ code: 'LS410' });
    await eventually(async () => (await tablesNaming([id])).join() === KEPT_TABLES.join());
    await expect(backend.database.query(insert, [id])).rejects.toMatchObject({ code: 'LS410' });
  });
});

describe('how long data are kept', () => {
  it('is an organisation’s own as far as it says so', async () => {
    const { name } = await backend.organisation();
    const path = `organisations/${name}/retention`;
    const nothing = { uploads_hours: null, results_days: null, logs_days: null, history_days: null };
    const effective = { uploads_hours: 24, results_days: 30, logs_days: 7, history_days: 90 };
    const { body } = await call('GET', path, backend.adminKey);
    expect(body).toEqual({ organisation: name, own: nothing, effective });
    const set = await call('PUT', path, backend.adminKey, { results_days: 0, logs_days: 3 });
    expect(set.body).toEqual({
      organisation: name,
      own: { ...nothing, results_days: 0, logs_days: 3 },
      effective: { ...effective, results_days: 0, logs_days: 3 },
    });
    expect((await call('PUT', path, backend.adminKey, { results_days: -1 })).status).toBe(400);
    expect((await call('PUT', path, backend.adminKey, {})).body.own).toEqual(nothing);
    expect((await call('GET', 'organisations/nobody/retention', backend.adminKey)).status).toBe(404);
  });

  it('is said by a result that was kept no longer', async () => {
    const { organisation, deployment } = await organisationWithWork();
    const worker = await backend.worker();
    const { body } = await post(deployment, [textFile('late.txt')]);
    const id: string = body.message.execution_id;
    await eventually(
      async () => (await call('GET', `executions/${id}`, organisation.key)).body.status === 'COMPLETED',
    );
    await worker.stop();
    await backend.database.query(
      `update ended_executions set ended_at = ended_at - interval '31 days' where id = $1`,
      [id],
    );
    const keeper = await createKeeper(backend.database);
    await keeper.retain();
    await keeper.remove();
    expect((await call('GET', `executions/${id}`, organisation.key)).body).toMatchObject({
      status: 'COMPLETED',
      result: null,
      result_expired: true,
      files: [{ file: 'late.txt', state: 'succeeded' }],
    });
    const polled = await poll(deployment, id);
    expect([polled.status, polled.body]).toEqual([
      406,
      { status: 'COMPLETED', message: 'Result expired: it was not fetched while it was kept' },
    ]);
  });
});

describe('the schema', () => {
  it('says of every table whose its rows are, so that deletion finds them', async () => {
    const tables = await backend.database.query<{ name: string }>(
      `select c.relname as name from pg_class c
        where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`,
    );
    const footprints = await readFootprints(backend.database);
    const owned = footprints.filter(
      (each) =>
        each.run !== undefined || each.execution !== undefined || ownedBy(each, footprints) !== undefined,
    );
    const known = [...owned.map(({ table }) => table), ...INSTANCE_TABLES, ...KEPT_TABLES];
    // A new table needs a column organisation_id, execution_id or run_id, or a foreign key to a table with one; else it
    // is to be named among the tables of the instance.
    expect(tables.map(({ name }) => name).filter((name) => !known.includes(name))).toEqual([]);
  });

  it('has an index for finding the rows of a run or an execution', async () => {
    const footprints = await readFootprints(backend.database);
    const indexed = await backend.database.query<{ table: string; column: string }>(
      `select i.indrelid::regclass::text as table, a.attname as column
         from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]`,
    );
    const wanted = footprints.flatMap(({ table, run, execution }) =>
      [run, execution].filter((column) => column !== undefined).map((column) => `${table}.${column}`),
    );
    const found = new Set(indexed.map(({ table, column }) => `${table}.${column}`));
    expect(wanted.filter((column) => !found.has(column))).toEqual([]);
  });
});
