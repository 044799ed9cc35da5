import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startBackend, type HttpBackend, type TestDeployment } from '../testing/http-backend.ts';
import { answer, bearer, post, textFile } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { createRetention } from '../retention/retention-job.ts';
import { age, createKeeper, DEFAULTS } from '../retention/kept-executions.fixture.ts';

let postgres: TestPostgres;
let backend: HttpBackend;

beforeAll(async () => {
  postgres = await startPostgres();
  backend = await startBackend(postgres);
  await backend.worker({
    async processFile(run, call) {
      const text = Buffer.from(run.file!.content_base64!, 'base64').toString();
      const say = (level: string, message: string) =>
        call('POST', '/v1/logs', {
          body: { items: [{ token: run.token, level, message, fields: { n: 1 } }] },
        });
      await say('info', `begun ${run.file!.name}`);
      await say('debug', 'detail');
      if (!text.startsWith('fail: ')) return { output: { output: { text } } };
      await say('error', 'gave up');
      return { failure: text.slice(6) };
    },
  });
});
afterEach(async () => {
  expect(await brokenInvariants(backend.database)).toEqual([]);
});
afterAll(async () => {
  await backend?.stop();
  await postgres?.stop();
});

const get = async (path: string, key: string) =>
  await answer(fetch(`${backend.url}/api/v1/${path}`, { headers: bearer(key) }));

async function deployment(apiName = 'invoices'): Promise<TestDeployment> {
  return await backend.deploy(await backend.organisation(), apiName);
}

const failing = (reason: string, name = 'a.txt') => textFile(name, `fail: ${reason}`);

async function run(to: TestDeployment, files: Parameters<typeof post>[1]): Promise<string> {
  const { body } = await post(to, files, { timeout: '30' });
  expect(['COMPLETED', 'ERROR']).toContain(body.message.execution_status);
  return body.message.execution_id;
}

const ofFiles = (body: { failures: { task: string }[] }) =>
  body.failures.filter(({ task }) => task === 'file.process');

describe('failures', () => {
  it('of one cause are one group, whatever names, numbers and ids their messages hold', async () => {
    const to = await deployment();
    await run(to, [failing('page 3 of "march.pdf" took 12.5 s', '1.txt'), textFile('fine.txt')]);
    await run(to, [failing('page 17 of "april.pdf" took 1 s', '2.txt')]);
    await run(to, [failing('2.txt: run 019a0000-0000-7000-8000-000000000000 is gone', '2.txt')]);
    const last = await run(to, [
      failing('other.txt: run 019bffff-0000-7000-8000-00000000abcd is gone', 'other.txt'),
    ]);
    const { body } = await get('failures', to.organisation.key);
    expect(ofFiles(body)).toEqual([
      expect.objectContaining({ message: '<file>: run <id> is gone', count: 2, code: 'broken' }),
      expect.objectContaining({ message: 'page <n> of <name> took <n> s', count: 2 }),
    ]);
    expect(ofFiles(body)[0]).toMatchObject({
      organisation: to.organisation.name,
      example: {
        execution_id: last,
        message: 'other.txt: run 019bffff-0000-7000-8000-00000000abcd is gone',
      },
    });
    expect(body).toMatchObject({ complete: true, causes: 3 });
    // The end of an execution is told by the run that ended it, once.
    expect(body.failures.filter(({ task }: { task: string }) => task !== 'file.process')).toEqual([
      expect.objectContaining({ task: 'execution.finish', message: 'All files failed', count: 3 }),
    ]);
  });

  it('are filtered by deployment, task and time, and limited by causes', async () => {
    const organisation = await backend.organisation();
    const [one, two] = [await backend.deploy(organisation, 'one'), await backend.deploy(organisation, 'two')];
    await run(one, [failing('first kind'), textFile('b.txt')]);
    await run(two, [failing('second kind'), textFile('b.txt')]);
    const messages = async (query: string) =>
      (await get(`failures?${query}`, organisation.key)).body.failures.map(
        ({ message }: { message: string }) => message,
      );
    expect(await messages('api_name=one')).toEqual(['first kind']);
    expect(await messages('api_name=two&task=file.process')).toEqual(['second kind']);
    expect(await messages('task=execution.plan')).toEqual([]);
    expect(await messages(`until=${new Date(Date.now() - 3_600_000).toISOString()}`)).toEqual([]);
    expect(await messages(`since=${new Date(Date.now() - 3_600_000).toISOString()}`)).toHaveLength(2);
    expect((await get('failures?task=nothing', organisation.key)).body).toEqual({
      failures: [],
      causes: 0,
      complete: true,
    });
    const limited = (await get('failures?limit=1', organisation.key)).body;
    expect([limited.failures.length, limited.causes]).toEqual([1, 2]);
  });

  it('belong to their organisation; an administrator sees all of them', async () => {
    const [mine, other] = [await deployment(), await deployment()];
    await run(mine, [failing('mine alone'), textFile('b.txt')]);
    expect((await get('failures', other.organisation.key)).body.failures).toEqual([]);
    expect(
      (await get(`failures?organisation=${mine.organisation.name}`, other.organisation.key)).status,
    ).toBe(404);
    const seen = (await get('failures', backend.adminKey)).body.failures;
    expect(seen).toContainEqual(
      expect.objectContaining({ organisation: mine.organisation.name, message: 'mine alone' }),
    );
  });

  it('go with the results of their execution, and with the execution', async () => {
    const to = await deployment();
    const kept = await run(to, [failing('kept'), textFile('b.txt')]);
    const old = await run(to, [failing('old'), textFile('b.txt')]);
    const keeper = await createKeeper(backend.database);
    await age(backend.database, old, 2);
    await createRetention(keeper.dependencies, { ...DEFAULTS, results: 1 })(new AbortController().signal);
    await keeper.remove();
    const messages = async () =>
      ofFiles((await get('failures', to.organisation.key)).body as never).map(
        (failure) => (failure as unknown as { message: string }).message,
      );
    expect(await messages()).toEqual(['kept']);
    const path = `${backend.url}/api/v1/executions/${kept}`;
    expect(
      (await answer(fetch(path, { method: 'DELETE', headers: bearer(to.organisation.key) }))).status,
    ).toBe(200);
    expect(await messages()).toEqual([]);
  });

  it('cost the same however many there are: the latest are counted, and the answer says so', async () => {
    const { id, key } = await backend.organisation();
    await backend.database.query(
      `insert into failures (run_id, root_id, organisation_id, at, cause, task, code, message)
       select gen_random_uuid(), gen_random_uuid(), $1, now() - n * interval '1 s', left(md5((n % 3)::text), 16), 't', 'c', 'm'
         from generate_series(1, 60000) n`,
      [id],
    );
    const { body } = await get('failures', key);
    expect(body.complete).toBe(false);
    const counted = body.failures.map(({ count }: { count: number }) => count);
    expect(counted.reduce((sum: number, each: number) => sum + each, 0)).toBeLessThanOrEqual(50_001);
    expect(counted).toHaveLength(3);
    expect((await get('failures?task=nothing', key)).body).toMatchObject({ failures: [], complete: false });
    await backend.database.query('delete from failures where organisation_id = $1', [id]);
  });
});

describe('the logs of an execution', () => {
  const messagesOf = (body: { lines: { message: string }[] }) => body.lines.map(({ message }) => message);

  it('are read page by page, by level, by run, and after a line', async () => {
    const to = await deployment();
    const id = await run(to, [failing('x', 'bad.txt'), textFile('good.txt')]);
    const key = to.organisation.key;
    const { body } = await get(`executions/${id}/logs`, key);
    expect(messagesOf(body).toSorted()).toEqual([
      'begun bad.txt',
      'begun good.txt',
      'detail',
      'detail',
      'gave up',
    ]);
    expect(body).toMatchObject({ ended: true, expired: false, next_cursor: null });
    expect(body.lines[0]).toMatchObject({ task: 'file.process', level: 'info', fields: { n: 1 } });
    expect(messagesOf((await get(`executions/${id}/logs?level=warn`, key)).body)).toEqual(['gave up']);
    const bad = body.lines.find(({ file }: { file: string }) => file === 'bad.txt').run_id as string;
    const failed = { attempt: 1, start: 1, outcome: 'failed', final: true, worker: expect.any(String) };
    expect(body.attempts).toEqual([
      expect.objectContaining({ ...failed, run_id: bad, file: 'bad.txt', task: 'file.process' }),
    ]);
    expect(body.attempts[0].error).toMatchObject({ message: 'x', detail: null });
    await backend.database.query(
      `insert into attempts (run_id, epoch, outcome, ended_at) values ($1, 0, 'lapsed', now() - interval '1 minute')`,
      [bad],
    );
    const ofBad = (await get(`executions/${id}/logs?run=${bad}`, key)).body.attempts;
    expect(ofBad).toMatchObject([
      { run_id: bad, start: 0, attempt: 1, outcome: 'worker_lost', final: false, error: null },
      { run_id: bad, start: 1, outcome: 'failed', final: true },
    ]);
    const ended = (await get(`executions/${await run(to, [failing('y')])}/logs`, key)).body;
    expect(ended.attempts.map(({ task }: { task: string }) => task)).toEqual([
      'file.process',
      'execution.finish',
    ]);

    expect(messagesOf((await get(`executions/${id}/logs?run=${bad}`, key)).body)).toEqual([
      'begun bad.txt',
      'detail',
      'gave up',
    ]);
    const paged: string[] = [];
    let cursor = '';
    for (let pages = 0; pages < 3; pages += 1) {
      const page = (await get(`executions/${id}/logs?limit=2${cursor && `&cursor=${cursor}`}`, key)).body;
      paged.push(...messagesOf(page));
      cursor = page.next_cursor;
    }
    expect([paged, cursor]).toEqual([messagesOf(body), null]);
    const { line } = body.lines[3];
    expect(messagesOf((await get(`executions/${id}/logs?after=${line}`, key)).body)).toEqual(
      messagesOf(body).slice(4),
    );
    expect((await get(`executions/${id}/logs?cursor=nonsense`, key)).status).toBe(400);
  });

  it('are told to their organisation alone, also the logs of a single run of it', async () => {
    const [mine, other] = [await deployment(), await deployment()];
    const [id, foreign] = [await run(mine, [textFile('a.txt')]), await run(other, [textFile('a.txt')])];
    expect((await get(`executions/${id}/logs`, other.organisation.key)).status).toBe(404);
    const { run_id: runId } = (await get(`executions/${id}/logs`, mine.organisation.key)).body.lines[0];
    const asked = await get(`executions/${foreign}/logs?run=${runId}`, other.organisation.key);
    expect(asked.body.lines).toEqual([]);
    expect((await get(`executions/${id}/logs`, backend.adminKey)).status).toBe(200);
  });

  it('say so when they were kept long enough', async () => {
    const to = await deployment();
    const id = await run(to, [textFile('a.txt')]);
    const keeper = await createKeeper(backend.database);
    await age(backend.database, id, 2);
    await createRetention(keeper.dependencies, { ...DEFAULTS, logs: 1 })(new AbortController().signal);
    await keeper.remove();
    const { body } = await get(`executions/${id}/logs`, to.organisation.key);
    expect(body).toEqual({ lines: [], attempts: [], ended: true, expired: true, next_cursor: null });
  });
});
