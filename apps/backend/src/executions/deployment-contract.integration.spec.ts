import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import {
  startBackend,
  type HttpBackend,
  type TestDeployment,
  type TestOrganisation,
} from '../testing/http-backend.ts';
import { answer, bearer, eventually, poll, post, refusal, textFile } from '../testing/http-client.ts';
import type { ClaimedRun } from '@longshore/contracts';

let postgres: TestPostgres;
let backend: HttpBackend;
let organisation: TestOrganisation;
let deployment: TestDeployment;
/** Files whose content starts with `hold` are held until this resolves. */
let gate = Promise.withResolvers<void>();

beforeAll(async () => {
  postgres = await startPostgres();
  backend = await startBackend(postgres);
  organisation = await backend.organisation('acme');
  deployment = await backend.deploy(organisation, 'invoices');
  await backend.worker({ processFile: holding });
}, 60_000);
afterAll(async () => {
  gate.resolve();
  await backend?.stop();
  await postgres?.stop();
});

async function holding(run: ClaimedRun) {
  const text = Buffer.from(run.file!.content_base64 ?? '', 'base64').toString();
  if (text.startsWith('hold')) await gate.promise;
  if (text.startsWith('fail')) return { failure: `cannot read ${run.file!.name}` };
  return {
    output: { output: { text }, extracted_text: text, document: { kind: 'text', pages: 1 }, elapsed_ms: 3 },
  };
}

const UNKNOWN = '00000000-0000-0000-0000-000000000001';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const idOf = (posted: Awaited<ReturnType<typeof post>>): string => posted.body.message.execution_id;

/** Posts and waits for the end without reading the result. */
async function executed(files: ReturnType<typeof textFile>[], fields = {}): Promise<string> {
  const id = idOf(await post(deployment, files, fields));
  await ended(id);
  return id;
}

async function ended(id: string): Promise<void> {
  const hasEnded = async () => ['COMPLETED', 'ERROR', 'STOPPED'].includes((await native(id)).body.status);
  await eventually(hasEnded);
}

const native = (id: string, key = organisation.key) =>
  answer(fetch(`${backend.url}/api/v1/executions/${id}`, { headers: bearer(key) }));

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
    const { status, body } = await post(deployment, [textFile('a.txt', 'hold a')], { timeout: '1' });
    expect(status).toBe(200);
    expect(body.message).toMatchObject({ execution_status: 'EXECUTING', error: null, result: null });
    expect(await poll(deployment, body.message.execution_id)).toMatchObject({
      status: 422,
      body: { status: 'EXECUTING', message: null },
    });
    gate.resolve();
    await ended(body.message.execution_id);
    gate = Promise.withResolvers();
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

describe('a field', () => {
  const invalid = async (fields: Record<string, string>) => {
    const { status, body } = await post(deployment, [textFile('a.txt')], fields);
    expect([status, body.type]).toStrictEqual([400, 'validation_error']);
    return body.errors;
  };

  it.each(['-2', '301', '1.5', 'soon', '', '1e2', '99999999999999999999'])(
    'timeout may not be "%s"',
    async (timeout) => {
      expect(await invalid({ timeout })).toStrictEqual([
        { code: 'invalid', detail: 'Must be a whole number from -1 to 300.', attr: 'timeout' },
      ]);
    },
  );

  it.each(['true', 'True', 'TRUE', 't', '1', 'yes', 'on', ' true '])(
    'that is boolean may say "%s"',
    async (word) => {
      const fields = { include_metadata: word, include_metrics: word, include_extracted_text: word };
      const [result] = (await post(deployment, [textFile('a.txt', 'hi')], { ...fields, timeout: '300' })).body
        .message.result;
      expect(result.result).toStrictEqual({
        output: { text: 'hi' },
        metadata: { file_name: 'a.txt', size: 2, document: { kind: 'text', pages: 1 }, problems: [] },
        metrics: { reading_ms: 3, total_ms: expect.any(Number), attempts: 1, starts: 1 },
      });
      expect(result.extracted_text).toBe('hi');
    },
  );

  it.each(['false', 'False', 'f', '0', 'no', 'off', ''])(
    'that is boolean may deny with "%s"',
    async (word) => {
      const fields = { include_metadata: word, include_metrics: word, include_extracted_text: word };
      const [result] = (
        await post(deployment, [textFile('a.txt', 'hi')], {
          ...fields,
          use_file_history: word,
          timeout: '300',
        })
      ).body.message.result;
      expect(result.result).toStrictEqual({ output: { text: 'hi' } });
      expect(result).not.toHaveProperty('extracted_text');
    },
  );

  it('that is boolean may say nothing else', async () => {
    const detail = 'Must be a valid boolean.';
    expect(await invalid({ include_metadata: 'maybe', include_metrics: '2' })).toStrictEqual([
      { code: 'invalid', detail, attr: 'include_metadata' },
      { code: 'invalid', detail, attr: 'include_metrics' },
    ]);
  });

  it('tags holds at most one tag, which comes back with each result', async () => {
    const { body } = await post(deployment, [textFile('a.txt')], { tags: ' march_2-b ', timeout: '300' });
    expect(body.message.result[0].metadata.tags).toStrictEqual(['march_2-b']);
    for (const tags of ['a,b', '1a', 'a b', 'ä', '-a', `a${'b'.repeat(50)}`, 'a\0b']) {
      expect(await invalid({ tags })).toMatchObject([{ attr: 'tags' }]);
    }
    expect((await post(deployment, [textFile('a.txt')], { tags: ' , ' })).status).toBe(200);
  });

  it('llm_profile_id is a UUID in any case, or empty', async () => {
    for (const llm_profile_id of ['', UNKNOWN, '0192F0C1-7E3A-7ABC-9DEF-0123456789AB']) {
      expect((await post(deployment, [textFile('a.txt')], { llm_profile_id })).status).toBe(200);
    }
    expect(await invalid({ llm_profile_id: 'gpt' })).toMatchObject([{ attr: 'llm_profile_id' }]);
  });

  it('custom_data is a JSON object, kept as it came', async () => {
    const custom = {
      text: 'a \\u0000 that is none',
      'ключ "x"': [1, null, { deep: '😀' }],
      ['__proto__']: 1,
    };
    const id = idOf(await post(deployment, [textFile('a.txt')], { custom_data: JSON.stringify(custom) }));
    const [row] = await backend.database.query<{ custom_data: unknown }>(
      'select custom_data from executions where id = $1',
      [id],
    );
    expect(row!.custom_data).toEqual(custom);
    for (const custom_data of ['', 'null', '{}']) {
      expect((await post(deployment, [textFile('a.txt')], { custom_data })).status).toBe(200);
    }
  });

  it.each([
    ['no JSON', '{'],
    ['a list', '[1]'],
    ['a number', '7'],
    ['a NUL character', '{"a":"\\u0000"}'],
    ['a NUL character in a key', '{"a\\u0000":1}'],
    ['half of a surrogate pair', '{"a":["\\ud800"]}'],
    ['a number that no double holds', '{"a":1e999}'],
    ['nesting without end', `{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`],
  ])('custom_data may not be %s', async (_what, custom_data) => {
    expect(await invalid({ custom_data })).toMatchObject([{ code: 'invalid', attr: 'custom_data' }]);
  });

  it('each that is wrong is named in one answer', async () => {
    const errors = await invalid({ timeout: 'x', tags: '1', custom_data: '[]', llm_profile_id: '7' });
    expect(errors.map((error: { attr: string }) => error.attr).sort()).toStrictEqual([
      'custom_data',
      'llm_profile_id',
      'tags',
      'timeout',
    ]);
  });
});

describe('a GET', () => {
  it('of a finished execution is 200 once and 406 ever after', async () => {
    const id = await executed([textFile('a.txt', 'hello')]);
    expect(await poll(deployment, id)).toMatchObject({
      status: 200,
      body: { status: 'COMPLETED', message: [{ file: 'a.txt', status: 'Success' }] },
    });
    for (const _ of [1, 2]) {
      const { status, body } = await poll(deployment, id);
      expect([status, body]).toStrictEqual([
        406,
        { status: 'COMPLETED', message: 'Result already acknowledged' },
      ]);
    }
  });

  it('gives the result to exactly one of 20 that come at once', async () => {
    const id = await executed([textFile('a.txt', 'hello')]);
    const answers = await Promise.all(Array.from({ length: 20 }, () => poll(deployment, id)));
    expect(answers.map(({ status }) => status).sort()).toStrictEqual([200, ...Array(19).fill(406)]);
  });

  it('of one that failed is 422 with the results once, then 406', async () => {
    const id = await executed([textFile('a.txt', 'fail')]);
    const { status, body } = await poll(deployment, id);
    expect([status, body.status]).toStrictEqual([422, 'ERROR']);
    expect(body.message).toMatchObject([{ file: 'a.txt', status: 'Failed', error: 'cannot read a.txt' }]);
    expect(await poll(deployment, id)).toMatchObject({ status: 406, body: { status: 'ERROR' } });
  });

  it('of one that is under way is 422 with its status and no message', async () => {
    const id = idOf(await post(deployment, [textFile('a.txt', 'hold b')]));
    const { status, body } = await poll(deployment, id);
    expect(status).toBe(422);
    expect(['PENDING', 'EXECUTING']).toContain(body.status);
    expect(body.message).toBeNull();
    gate.resolve();
    await ended(id);
    gate = Promise.withResolvers();
  });

  it('without an id, or with something else than one id, is 400', async () => {
    const ask = (query: string) =>
      answer(fetch(`${deployment.url}/${query}`, { headers: bearer(deployment.key) }));
    for (const query of ['', '?execution_id=', '?executionid=1']) {
      const body = refusal(
        'validation_error',
        'required',
        'This query parameter is required',
        'execution_id',
      );
      expect(await ask(query)).toMatchObject({ status: 400, body });
    }
    for (const query of [
      '?execution_id=7',
      `?execution_id=${UNKNOWN}&execution_id=${UNKNOWN}`,
      '?execution_id=a%00',
    ]) {
      const body = refusal('validation_error', 'invalid', 'Must be a valid UUID.', 'execution_id');
      expect(await ask(query)).toMatchObject({ status: 400, body });
    }
    expect(await ask(`?execution_id=${UNKNOWN}&include_metrics=maybe`)).toMatchObject({ status: 400 });
  });

  it('takes the id in upper case too', async () => {
    const id = await executed([textFile('a.txt')]);
    expect((await native(id.toUpperCase())).status).toBe(200);
    expect((await poll(deployment, id.toUpperCase())).status).toBe(200);
  });

  it('of an unknown execution is 404', async () => {
    const body = refusal('client_error', 'not_found', 'Execution not found', 'execution_id');
    for (const id of [UNKNOWN, crypto.randomUUID()]) {
      expect(await poll(deployment, id)).toMatchObject({ status: 404, body });
    }
  });

  it('through another deployment or organisation is 404 and consumes nothing', async () => {
    const id = await executed([textFile('a.txt')]);
    const sibling = await backend.deploy(organisation, 'orders');
    const stranger = await backend.organisation();
    const foreign = await backend.deploy(stranger, 'invoices');
    expect((await poll(sibling, id)).status).toBe(404);
    expect((await poll(sibling, id, {}, { key: organisation.key })).status).toBe(404);
    expect((await poll(foreign, id)).status).toBe(404);
    expect((await poll(deployment, id, {}, { key: foreign.key })).status).toBe(401);
    expect((await native(id, stranger.key)).status).toBe(404);
    expect((await poll(deployment, id)).status).toBe(200);
  });

  it('is not answered to HEAD, which would consume what it does not carry', async () => {
    const id = await executed([textFile('a.txt')]);
    const head = await fetch(`${deployment.url}/?execution_id=${id}`, {
      method: 'HEAD',
      headers: bearer(deployment.key),
    });
    expect([head.status, head.headers.get('allow')]).toStrictEqual([405, 'POST, GET']);
    expect((await poll(deployment, id)).status).toBe(200);
  });

  it('may ask for more than the POST did, and keeps what the POST asked for', async () => {
    const id = await executed([textFile('a.txt', 'hi')], { include_metrics: 'true' });
    const { body } = await poll(deployment, id, { include_metadata: 'True', include_extracted_text: '1' });
    expect(Object.keys(body.message[0].result)).toStrictEqual(['output', 'metadata', 'metrics']);
    expect(body.message[0].extracted_text).toBe('hi');
  });

  it('adds nothing that nobody asked for', async () => {
    const { body } = await poll(deployment, await executed([textFile('a.txt', 'hi')]));
    expect(body.message[0]).toStrictEqual({
      file: 'a.txt',
      file_execution_id: expect.stringMatching(UUID),
      status: 'Success',
      result: { output: { text: 'hi' } },
      error: null,
      metadata: {
        source_name: 'a.txt',
        source_hash: '8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4',
        file_execution_id: body.message[0].file_execution_id,
        total_elapsed_time: expect.any(Number),
        workflow_id: expect.any(String),
        execution_id: expect.stringMatching(UUID),
        workflow_start_time: expect.any(Number),
        organization_id: 'acme',
        tags: [],
      },
    });
  });
});

describe('results', () => {
  it('come in the order of the request, failed ones in their places, and some failed is COMPLETED', async () => {
    const names = Array.from({ length: 32 }, (_, index) => `file-${(index * 7) % 32}.txt`);
    const files = names.map((name, index) => textFile(name, index % 5 === 0 ? `fail ${name}` : name));
    const { status, body } = await post(deployment, files, { timeout: '300' });
    expect([status, body.message.execution_status]).toStrictEqual([200, 'COMPLETED']);
    const results: { file: string; status: string }[] = body.message.result;
    expect(results.map(({ file }) => file)).toStrictEqual(names);
    expect(results.map((result) => result.status)).toStrictEqual(
      names.map((_, index) => (index % 5 === 0 ? 'Failed' : 'Success')),
    );
    expect((await native(body.message.execution_id)).body).toMatchObject({
      total_files: 32,
      failed_files: 7,
      successful_files: 25,
    });
  });

  it('of the same content twice come from one run, under both names', async () => {
    const files = [textFile('a.txt', 'same'), textFile('b.txt', 'other'), textFile('c.txt', 'same')];
    const { body } = await post(deployment, files, { timeout: '300' });
    const [a, b, c] = body.message.result;
    expect([a.file, b.file, c.file]).toStrictEqual(['a.txt', 'b.txt', 'c.txt']);
    expect(c.file_execution_id).toBe(a.file_execution_id);
    expect(b.file_execution_id).not.toBe(a.file_execution_id);
    expect(c.metadata.source_name).toBe('c.txt');
    const [row] = await backend.database.query<{ n: number }>(
      'select count(*)::int as n from runs where parent_id = $1 and ordinal is not null',
      [body.message.execution_id],
    );
    expect(row!.n).toBe(2);
  });

  it('of an empty file and of two files of one name are told apart', async () => {
    const files = [textFile('a.txt', ''), textFile('a.txt', 'x')];
    const { body } = await post(deployment, files, { timeout: '300' });
    expect(body.message.result.map((result: any) => result.result.output.text)).toStrictEqual(['', 'x']); // eslint-disable-line @typescript-eslint/no-explicit-any
  });

  it('can be read through the native API as often as wanted, before and after the read', async () => {
    const id = await executed([textFile('a.txt', 'hi')], { tags: 'x' });
    const first = await native(id);
    await poll(deployment, id);
    const second = await native(id);
    expect(first.status).toBe(200);
    expect(first.body).toMatchObject({
      execution_id: id,
      api_name: 'invoices',
      status: 'COMPLETED',
      error: null,
      files: [{ file: 'a.txt', size: 2, state: 'succeeded', worker: 'general-1', attempt: 1, starts: 1 }],
      result: [{ file: 'a.txt', status: 'Success' }],
    });
    expect(second.body).toStrictEqual(first.body);
  });
});
