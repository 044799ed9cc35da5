import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startBackend, type HttpBackend, type TestDeployment } from '../testing/http-backend.ts';
import { answer, bearer, eventually, post, textFile } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';

let postgres: TestPostgres;
let backend: HttpBackend;

beforeAll(async () => {
  postgres = await startPostgres();
  backend = await startBackend(postgres, { corsOrigins: ['https://app.example.org'] });
});
afterAll(async () => {
  await backend?.stop();
  await postgres?.stop();
});

const call = (path: string, key: string, init: RequestInit = {}) =>
  answer(
    fetch(`${backend.url}/api/v1/${path}`, {
      ...init,
      headers: {
        ...bearer(key),
        'Content-Type': 'application/json',
        ...(init.headers as Record<string, string>),
      },
    }),
  );
const patch = (path: string, key: string, body: unknown) =>
  call(path, key, { method: 'PATCH', body: JSON.stringify(body) });

/** All pages of a list, by the name of its items. */
async function pages(path: string, key: string, items: string): Promise<unknown[][]> {
  const read: unknown[][] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const { status, body } = await call(`${path}${cursor === '' ? '' : `&cursor=${cursor}`}`, key);
    expect(status).toBe(200);
    read.push(body[items]);
    cursor = body.next_cursor;
  }
  return read;
}

/** Executions that were accepted one after the other and ended as said, newest first. */
async function executions(deployment: TestDeployment, count: number, state = 'queued'): Promise<string[]> {
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const { body } = await post(deployment, [textFile(`${state}-${index}.txt`)]);
    ids.unshift(body.message.execution_id as string);
  }
  if (state === 'cancelled') {
    for (const id of ids) await call(`executions/${id}/cancel`, backend.adminKey, { method: 'POST' });
  } else if (state !== 'queued') {
    await backend.database.query(
      `with gone as (delete from dispatches where run_ids && $1::uuid[])
       update runs set state = $2, started_at = now(), finished_at = now() where id = any($1::uuid[])`,
      [ids, state],
    );
    await backend.database.query('delete from live_executions where id = any($1::uuid[])', [ids]);
  }
  return ids;
}

describe('the runs of an execution', () => {
  it('are listed in the order in which they were made, with every attempt, page by page, to its organisation alone', async () => {
    const deployment = await backend.deploy(await backend.organisation(), 'runs');
    const other = await backend.organisation();
    const [id] = await executions(deployment, 1);
    await backend.database.query(
      `insert into runs (id, organisation_id, root_id, parent_id, key, task, queue, input, max_attempts, soft_limit_ms, hard_limit_ms, state)
       select (substr(id::text, 1, 14) || '7' || substr(md5(n::text), 1, 3) || '-8000-' || substr(md5(n::text), 1, 12))::uuid,
              organisation_id, id, id, 'file ' || n, 'file.process', 'default', '{}', 3, 1, 1, 'cancelled'
         from runs, generate_series(1, 3) n where id = $1`,
      [id],
    );
    await backend.database.query(
      `insert into attempts (run_id, epoch, started_at, outcome) select id, 1, now(), 'lapsed' from runs where root_id = $1 and key = 'file 2'`,
      [id],
    );
    const { key } = deployment.organisation;
    const read = await pages(`runs?of=${id}&limit=2`, key, 'runs');
    expect(read.map((page) => page.length)).toEqual([2, 2]);
    const runs = read.flat() as { run_id: string; key: string; attempts: { outcome: string }[] }[];
    expect(runs[0]).toMatchObject({ run_id: id, parent_id: null, state: 'queued', attempts: [] });
    expect(runs.map((run) => run.key).sort()).toEqual(['file 1', 'file 2', 'file 3', null]);
    const [retried] = (await call(`runs?of=${id}&task=file.process&state=cancelled`, key)).body.runs.filter(
      (run: { key: string }) => run.key === 'file 2',
    );
    expect(retried.attempts).toMatchObject([{ epoch: 1, worker: null, outcome: 'lapsed' }]);
    expect((await call(`runs?of=${id}`, other.key)).status).toBe(404);
    expect((await call(`runs?of=${runs[1]!.run_id}`, key)).status).toBe(404);
    expect((await call('runs', key)).status).toBe(400);
    expect((await call(`runs?of=${id}&cursor=nonsense`, key)).status).toBe(400);
    await backend.database.query('delete from attempts where run_id = any($1::uuid[])', [
      runs.map(({ run_id }) => run_id),
    ]);
    await backend.database.query('delete from runs where root_id = $1 and parent_id is not null', [id]);
  });
});

const idsOf = (list: readonly { execution_id: string }[]) => list.map((each) => each.execution_id);

describe('executions', () => {
  it('are listed newest first, page by page, none twice and none left out', async () => {
    const deployment = await backend.deploy(await backend.organisation(), 'listed');
    const ids = await executions(deployment, 7);
    await backend.database.query('update executions set created_at = $2 where id = any($1::uuid[])', [
      ids.slice(2, 5),
      new Date('2026-01-01T00:00:00.123Z'),
    ]);
    const read = await pages('executions?limit=2', deployment.organisation.key, 'executions');
    expect(read.map((page) => page.length)).toEqual([2, 2, 2, 1]);
    const found = idsOf(read.flat() as { execution_id: string }[]);
    expect(found.slice(0, 4)).toEqual([...ids.slice(0, 2), ...ids.slice(5)]);
    // Accepted at the same moment: by id.
    expect(found.slice(4)).toEqual(ids.slice(2, 5).sort().reverse());
  });

  it('are found by status, whatever moves them', async () => {
    const deployment = await backend.deploy(await backend.organisation(), 'statuses');
    const ended = {
      COMPLETED: await executions(deployment, 2, 'succeeded'),
      ERROR: await executions(deployment, 1, 'failed'),
      STOPPED: await executions(deployment, 1, 'cancelled'),
    };
    const [pending, executing] = await executions(deployment, 2);
    await backend.database.query('update runs set started_at = now() where id = $1', [executing]);
    for (const [status, ids] of Object.entries({ ...ended, PENDING: [pending], EXECUTING: [executing] })) {
      const { body } = await call(`executions?status=${status}`, deployment.organisation.key);
      expect(idsOf(body.executions)).toEqual(ids);
      expect(body.executions.every((each: { status: string }) => each.status === status)).toBe(true);
      const ofOne = await call(`executions?status=${status}&api_name=statuses`, deployment.organisation.key);
      expect(idsOf(ofOne.body.executions)).toEqual(ids);
    }
  });

  it('are found by deployment, tag, time, file name and id', async () => {
    const organisation = await backend.organisation();
    const [one, two] = [await backend.deploy(organisation, 'one'), await backend.deploy(organisation, 'two')];
    const send = async (deployment: TestDeployment, name: string, tags = '') =>
      (await post(deployment, [textFile(name)], { tags })).body.message.execution_id as string;
    const plain = await send(one, 'Invoice_1%.txt');
    const tagged = await send(two, 'invoice-2.txt', 'spring');
    await backend.database.query(`update executions set created_at = '2026-01-01T12:00:00Z' where id = $1`, [
      plain,
    ]);
    const found = async (query: string) =>
      idsOf((await call(`executions?${query}`, organisation.key)).body.executions);
    expect(await found('api_name=one')).toEqual([plain]);
    expect(await found('api_name=three')).toEqual([]);
    expect(await found('tag=spring')).toEqual([tagged]);
    expect(await found('tag=spring&api_name=one')).toEqual([]);
    expect(await found('since=2026-01-01T12:00:00Z&until=2026-01-01T12:00:00.001Z')).toEqual([plain]);
    expect(await found('until=2026-01-01T13:00:00%2B01:00')).toEqual([]);
    expect(await found('q=INVOICE')).toEqual([tagged, plain]);
    expect(await found('q=invoice_')).toEqual([plain]);
    expect(await found('q=invoice_1%25.')).toEqual([plain]);
    expect(await found('q=voice')).toEqual([]);
    expect(await found(`q=${plain}`)).toEqual([plain]);
    expect(await found(`q=${plain.slice(0, 13)}`)).toContain(plain);
  });

  it('are found by a name that thousands have, each page where the one before ended', async () => {
    const deployment = await backend.deploy(await backend.organisation(), 'many');
    const [last] = await executions(deployment, 1);
    await backend.database.query(
      `with copies as (
         insert into executions select gen_random_uuid() as id, organisation_id, deployment_id, workflow_version_id, tags,
                custom_data, include_metadata, include_metrics, include_extracted_text, llm_profile_id,
                created_at - i * interval '1 s' from executions e, generate_series(1, 5100) i where e.id = $1
         returning id, created_at
       ), copied as (
         insert into runs (id, organisation_id, root_id, task, queue, input, max_attempts, soft_limit_ms, hard_limit_ms)
         select c.id, r.organisation_id, c.id, r.task, r.queue, r.input, 1, 1, 1 from copies c, runs r where r.id = $1
       )
       insert into files select gen_random_uuid(), c.id, f.organisation_id, 0, 'Mass.txt', 1, '', '', 0
         from copies c, files f where f.execution_id = $1`,
      [last],
    );
    try {
      const { body } = await call('executions?q=mass&limit=1000', deployment.organisation.key);
      expect(body.executions).toHaveLength(1000);
      const next = await call(
        `executions?q=mass&limit=3&cursor=${body.next_cursor}`,
        deployment.organisation.key,
      );
      const [before, after] = [body.executions.at(-1), next.body.executions[0]];
      expect(Date.parse(before.created_at) - Date.parse(after.created_at)).toBe(1000);
    } finally {
      const made = `(select id from executions where deployment_id = '${deployment.id}' and id <> '${last}')`;
      await backend.database.query(`delete from runs where id in ${made}`);
      await backend.database.query(`delete from files where execution_id in ${made}`);
      await backend.database.query(`delete from executions where id in ${made}`);
    }
  });

  it('belong to their organisation: another key sees neither list nor detail, an admin key sees all', async () => {
    const [mine, theirs] = [await backend.organisation(), await backend.organisation()];
    const [id] = await executions(await backend.deploy(mine, 'own'), 1);
    await executions(await backend.deploy(theirs, 'own'), 1);
    expect((await call(`executions/${id}`, theirs.key)).status).toBe(404);
    expect((await call(`executions?q=${id}`, theirs.key)).body.executions).toEqual([]);
    expect((await call(`executions?organisation=${mine.name}`, theirs.key)).status).toBe(404);
    const all = await call('executions?api_name=own', backend.adminKey);
    expect(all.body.executions.map((each: { organisation: string }) => each.organisation).sort()).toEqual(
      [mine.name, theirs.name].sort(),
    );
    const one = await call(`executions?organisation=${mine.name}`, backend.adminKey);
    expect(idsOf(one.body.executions)).toEqual([id]);
  });

  it('tell each attempt at a file: who had it, from when to when, and how it ended', async () => {
    const deployment = await backend.deploy(await backend.organisation(), 'attempts');
    const worker = await backend.worker();
    const { body } = await post(deployment, [textFile('a.txt')], { timeout: '60' });
    expect(body.message.execution_status).toBe('COMPLETED');
    await worker.stop();
    const id = body.message.execution_id as string;
    const fileRun = body.message.result[0].file_execution_id as string;
    await backend.database.query(
      `insert into attempts (run_id, epoch, started_at, outcome, error) values ($1, 0, now(), 'lapsed', $2)`,
      [fileRun, JSON.stringify({ code: 'x', message: 'lost', detail: 'a stack' })],
    );
    const detail = (await call(`executions/${id}`, deployment.organisation.key)).body;
    expect(detail).toMatchObject({ workflow_version: 1, successful_files: 1, total_files: 1 });
    expect(detail.timings.waited_ms).toBeGreaterThanOrEqual(0);
    expect(detail.files[0].attempts).toMatchObject([
      { epoch: 0, worker: null, outcome: 'lapsed', error: { code: 'x', message: 'lost', detail: null } },
      { epoch: 1, worker: detail.files[0].worker, outcome: 'succeeded', error: null },
    ]);
    expect(detail.result).toHaveLength(1);
    // As often as wanted, and the same each time.
    expect((await call(`executions/${id}`, deployment.organisation.key)).body).toEqual(detail);
  });

  it('stand in the list as what their run is, however they ended', async () => {
    const deployment = await backend.deploy(await backend.organisation(), 'ends');
    const worker = await backend.worker();
    const { body } = await post(deployment, [textFile('a.txt')]);
    const id = body.message.execution_id as string;
    await eventually(
      async () => (await call(`executions/${id}`, backend.adminKey)).body.finished_at !== null,
    );
    await worker.stop();
    const wrong = await backend.database.query(
      `select e.id, e.ending, r.state from executions e join runs r on r.id = e.id
        where e.ending <> case when r.state in ('succeeded', 'failed', 'cancelled') then r.state else 'none' end`,
    );
    expect(wrong).toEqual([]);
    expect(await backend.database.query('select ending from executions where id = $1', [id])).toEqual([
      { ending: 'succeeded' },
    ]);
  });
});

describe('organisations', () => {
  it('are created with a share and limits, changed in parts, and listed by name', async () => {
    const created = await call('organisations', backend.adminKey, {
      method: 'POST',
      body: JSON.stringify({ name: 'aaa', weight: 3 }),
    });
    expect(created.body).toMatchObject({ name: 'aaa', weight: 3, max_parallel_files: null });
    expect(
      (await patch('organisations/aaa', backend.adminKey, { max_parallel_files: 7 })).body,
    ).toMatchObject({
      weight: 3,
      max_parallel_files: 7,
    });
    expect((await patch('organisations/aaa', backend.adminKey, { max_parallel_files: null })).body).toEqual(
      created.body,
    );
    expect((await patch('organisations/aaa', backend.adminKey, { wieght: 3 })).status).toBe(400);
    expect((await patch('organisations/nowhere', backend.adminKey, {})).status).toBe(404);
    const names = (await pages('organisations?limit=2', backend.adminKey, 'organisations')).flat() as {
      name: string;
    }[];
    expect(names.map(({ name }) => name)).toEqual(names.map(({ name }) => name).sort());
    expect(names[0]!.name).toBe('aaa');
  });

  it('are seen by their own keys alone', async () => {
    const { name, key } = await backend.organisation();
    const { body } = await call('organisations', key);
    expect(body.organisations.map((each: { name: string }) => each.name)).toEqual([name]);
    expect((await call('organisations/aaa', key)).status).toBe(404);
    expect((await patch(`organisations/${name}`, key, { weight: 9 })).status).toBe(403);
  });
});

describe('workflows and deployments', () => {
  it('show their versions, and what changed between two', async () => {
    const organisation = await backend.organisation();
    await backend.deploy(organisation, 'd');
    const documents = [{ kind: 'workflow', name: 'd-workflow', steps: [{ read: { max_pages: 3 } }] }];
    await call('apply', backend.adminKey, {
      method: 'POST',
      body: JSON.stringify({ organisation: organisation.name, documents }),
    });
    const { body: one } = await call('workflows/d-workflow', organisation.key);
    expect(one).toMatchObject({ organisation: organisation.name, name: 'd-workflow', version: 2 });
    expect((await call('workflows', organisation.key)).body.workflows).toEqual([one]);
    const versions = (
      await pages('workflows/d-workflow/versions?limit=1', organisation.key, 'versions')
    ).flat();
    expect(versions).toMatchObject([{ version: 2 }, { version: 1 }]);
    const second = await call('workflows/d-workflow/versions/2', organisation.key);
    expect(second.body.definition.steps).toEqual(documents[0]!.steps);
    expect((await call('workflows/d-workflow/diff', organisation.key)).body).toEqual({
      from: 1,
      to: 2,
      changes: [{ change: 'added', path: '/steps/0/read/max_pages', to: 3 }],
    });
    expect((await call('workflows/d-workflow/versions/3', organisation.key)).status).toBe(404);
    expect(
      (await call(`workflows/d-workflow?organisation=${organisation.name}`, backend.adminKey)).body,
    ).toEqual(one);
  });

  it('are switched off and on, with settings replaced as a whole', async () => {
    const deployment = await backend.deploy(await backend.organisation(), 'switched', {
      max_parallel_files: 2,
    });
    const { key } = deployment.organisation;
    expect((await patch('deployments/switched', key, { active: false })).body).toMatchObject({
      active: false,
      settings: { max_parallel_files: 2 },
      address: `${deployment.path}/`,
    });
    expect((await post(deployment, [textFile('a.txt')])).status).toBe(404);
    await patch('deployments/switched', key, { active: true, settings: {} });
    expect((await call('deployments', key)).body.deployments).toMatchObject([{ active: true, settings: {} }]);
    expect((await post(deployment, [textFile('a.txt')])).status).toBe(200);
    expect((await patch('deployments/switched', key, { settings: { max_parallel_files: 0 } })).status).toBe(
      400,
    );
    expect((await patch('deployments/unknown', key, { active: true })).status).toBe(404);
  });
});

describe('pipelines', () => {
  it('are listed page by page apart from deployments, without what their places may hold of secrets', async () => {
    const organisation = await backend.organisation();
    await backend.deploy(organisation, 'd');
    const source = { https: ['https://example.com/a.pdf?token=secret'] };
    const pipeline = { kind: 'pipeline', workflow: 'd-workflow', source };
    const documents = [
      { ...pipeline, pipeline_id: 'outbox', active: false, destination: 'none' },
      { ...pipeline, pipeline_id: 'inbox', destination: { folder: { path: '/results' } } },
    ];
    const applied = await call('apply', backend.adminKey, {
      method: 'POST',
      body: JSON.stringify({ organisation: organisation.name, documents }),
    });
    expect(applied.status).toBe(200);
    const listed = (await pages('pipelines?limit=1', organisation.key, 'pipelines')).flat();
    expect(listed).toMatchObject([
      {
        ...{ organisation: organisation.name, pipeline_id: 'inbox', active: true },
        ...{ workflow: 'd-workflow', workflow_version: 1, source: 'https', destination: 'folder' },
        address: `/deployment/pipeline/api/${organisation.name}/inbox`,
      },
      { pipeline_id: 'outbox', active: false, source: 'https', destination: 'none' },
    ]);
    expect(JSON.stringify(listed)).not.toContain('secret');
    const asAdmin = await call(`pipelines?organisation=${organisation.name}`, backend.adminKey);
    expect(asAdmin.body.pipelines).toEqual(listed);
    expect((await call('deployments', organisation.key)).body.deployments).toMatchObject([{ api_name: 'd' }]);
    const stranger = await backend.organisation();
    expect((await call('pipelines', stranger.key)).body).toEqual({ pipelines: [], next_cursor: null });
  });
});

describe('every read', () => {
  it('is answered with 304 as long as nothing changed', async () => {
    const { key, name } = await backend.organisation();
    const first = await call('organisations', key);
    const tag = first.headers.get('etag')!;
    const again = (value: string) => call('organisations', key, { headers: { 'If-None-Match': value } });
    expect(await again(tag)).toMatchObject({ status: 304, body: null });
    expect(await again(`"other", W/${tag}`)).toMatchObject({ status: 304 });
    await patch(`organisations/${name}`, backend.adminKey, { weight: 2 });
    expect(await again(tag)).toMatchObject({ status: 200 });
  });

  it('refuses a cursor that it never gave out', async () => {
    const wrong = [
      'x',
      Buffer.from('["a","b"]').toString('base64url'),
      Buffer.from('["0001-01-01T00:00:00.000000Z",1]').toString('base64url'),
    ];
    for (const cursor of wrong) {
      const { status, body } = await call(`executions?cursor=${cursor}`, backend.adminKey);
      expect([status, body.errors[0].attr]).toEqual([400, 'cursor']);
    }
  });
});

describe('browsers', () => {
  const asked = (origin: string, path = '/api/v1/organisations', method = 'OPTIONS') =>
    fetch(`${backend.url}${path}`, { method, headers: { Origin: origin } });

  it('may call from the pages that were named, refusals included', async () => {
    const preflight = await asked('https://app.example.org');
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('https://app.example.org');
    expect(preflight.headers.get('access-control-allow-headers')).toContain('Authorization');
    const refused = await asked('https://app.example.org', '/deployment/api/a/b/', 'GET');
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([
      403,
      'https://app.example.org',
    ]);
  });

  it('may not from others, nor reach anything but the public API', async () => {
    expect((await asked('https://evil.example.org')).headers.get('access-control-allow-origin')).toBeNull();
    const internal = await asked('https://app.example.org', '/internal/v1/health/');
    expect(internal.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('the description', () => {
  it('is served to anybody, for programs and as a page with a strict policy', async () => {
    const { paths } = (await (await fetch(`${backend.url}/openapi.json`)).json()) as { paths: object };
    expect(Object.keys(paths)).toContain('/api/v1/executions');
    const page = await fetch(`${backend.url}/docs`);
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'/);
    expect(await page.text()).toContain('/api/v1/executions');
  });
});

it('the model holds after all of this', async () => {
  expect(await brokenInvariants(backend.database)).toEqual([]);
});
