import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { answer, bearer, poll, post, refusal, textFile } from '../testing/http-client.ts';
import { idOf, UNKNOWN, startDeployment, type DeploymentUnderTest } from './deployment.fixture.ts';

let under: DeploymentUnderTest;
let backend: DeploymentUnderTest['backend'];
let organisation: DeploymentUnderTest['organisation'];
let deployment: DeploymentUnderTest['deployment'];
let native: DeploymentUnderTest['native'];
let executed: DeploymentUnderTest['executed'];
let release: DeploymentUnderTest['release'];

beforeAll(async () => {
  under = await startDeployment();
  ({ backend, organisation, deployment, native, executed, release } = under);
});
afterAll(() => under?.stop());

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

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
    await release(id);
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
