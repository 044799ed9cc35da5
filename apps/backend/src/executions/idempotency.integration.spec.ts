import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startFileServer, type FileServer } from '../testing/file-server.ts';
import { startBackend, type HttpBackend, type TestDeployment } from '../testing/http-backend.ts';
import { eventually, poll, type Answer } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { fieldPart, filePart, multipart, send, type Part } from '../testing/raw-upload.ts';
import { forgetOldKeys } from './idempotency.ts';

let postgres: TestPostgres;
let server: FileServer;
let backend: HttpBackend;
let deployment: TestDeployment;
const others: HttpBackend[] = [];
/** Files whose content starts with `hold` are held until this resolves. */
const gate = Promise.withResolvers<void>();

beforeAll(async () => {
  [postgres, server] = await Promise.all([startPostgres(), startFileServer()]);
  backend = await startBackend(postgres, server.settings);
  deployment = await backend.deploy(await backend.organisation('acme'), 'invoices');
  await backend.worker({
    processFile: async (run) => {
      const text = Buffer.from(run.file!.content_base64!, 'base64').toString();
      if (text.startsWith('hold')) await gate.promise;
      return text.startsWith('fail') ? { failure: text } : { output: { output: { text } } };
    },
  });
});
afterAll(async () => {
  gate.resolve();
  for (const other of others) await other.stop();
  await backend?.stop();
  await server?.stop();
  await postgres?.stop();
});

let keys = 0;
const newKey = () => `key-${(keys += 1)}`;
const posting = (key: string, parts: readonly Part[], target = deployment) =>
  send(target, multipart(parts), { 'Idempotency-Key': key });
const idOf = ({ body }: Answer): string => body.message.execution_id;
const keyRows = async () =>
  (await backend.database.query<{ n: number }>('select count(*)::int as n from idempotency_keys'))[0]!.n;
const everything = async () => ({
  rows: await backend.rows(),
  keys: await keyRows(),
  files: (await backend.storedFiles()).length,
});
/** What there is once nothing runs any more. */
async function settled() {
  await eventually(async () => (await backend.rows())['live_executions'] === 0);
  return await everything();
}
const waiting = fieldPart('timeout', '30');
const conflict = {
  status: 409,
  body: {
    type: 'client_error',
    errors: [{ code: 'idempotency_conflict', detail: expect.any(String), attr: 'Idempotency-Key' }],
  },
};

describe('a request that is sent again under its key', () => {
  it('gets the first execution, and nothing is left of the second', async () => {
    const [key, parts] = [newKey(), [filePart('a.txt', 'one'), fieldPart('tags', 'x')]];
    const first = await posting(key, parts);
    expect(first.status).toBe(200);
    const before = await settled();
    const second = await posting(key, parts);
    expect(idOf(second)).toBe(idOf(first));
    expect(await everything()).toStrictEqual(before);
  });

  it('gets the status of now, and waits for the result when it asks for it', async () => {
    const [key, parts] = [newKey(), [filePart('a.txt', 'hold on')]];
    const first = await posting(key, parts);
    const status = async () =>
      (await posting(key, [...parts, fieldPart('timeout', '1')])).body.message.execution_status;
    await eventually(async () => (await status()) === 'EXECUTING');
    const waited = posting(key, [...parts, waiting]);
    gate.resolve();
    expect((await waited).body.message).toMatchObject({
      execution_id: idOf(first),
      execution_status: 'COMPLETED',
      result: [{ file: 'a.txt', status: 'Success', result: { output: { text: 'hold on' } } }],
    });
  });

  it('gets the result that it never saw because the first answer was lost, as often as it asks', async () => {
    const [key, parts] = [newKey(), [filePart('a.txt', 'lost'), waiting]];
    const first = await posting(key, parts);
    for (const _ of [1, 2]) expect((await posting(key, parts)).body).toStrictEqual(first.body);
    expect((await poll(deployment, idOf(first))).status).toBe(406);
  });

  it('gets the failure of the first execution too, 422', async () => {
    const [key, parts] = [newKey(), [filePart('a.txt', 'fail'), waiting]];
    const first = await posting(key, parts);
    expect([first.status, first.body.message.execution_status]).toStrictEqual([422, 'ERROR']);
    expect(await posting(key, parts)).toMatchObject({ status: 422, body: first.body });
  });

  it('is told 409 when anything else is in it, and nothing is left of it', async () => {
    const key = newKey();
    const parts = [filePart('a.txt', 'one'), fieldPart('tags', 'x'), fieldPart('custom_data', '{"a":1}')];
    await posting(key, parts);
    const before = await settled();
    const others = [
      [filePart('a.txt', 'two'), ...parts.slice(1)],
      [filePart('b.txt', 'one'), ...parts.slice(1)],
      [filePart('a.txt', 'one'), filePart('b.txt', 'one'), ...parts.slice(1)],
      [parts[0]!, fieldPart('tags', 'y'), parts[2]!],
      [parts[0]!, parts[1]!],
      [...parts, fieldPart('include_metadata', 'true')],
    ];
    for (const other of others) expect(await posting(key, other)).toMatchObject(conflict);
    expect(await everything()).toStrictEqual(before);
    expect((await posting(key, [...parts, fieldPart('include_metadata', 'no')])).status).toBe(200);
  });

  it('is another request to another deployment', async () => {
    const other = await backend.deploy(deployment.organisation, 'receipts');
    const [key, parts] = [newKey(), [filePart('a.txt')]];
    const ids = [await posting(key, parts), await posting(key, parts, other)].map(idOf);
    expect(ids[0]).not.toBe(ids[1]);
  });

  it('does not have its addresses fetched again, which may be good no longer', async () => {
    const url = server.serve('/once.txt', 'fetched');
    const [key, parts] = [newKey(), [fieldPart('presigned_urls', url), waiting]];
    const first = await posting(key, parts);
    expect(first.body.message.result).toMatchObject([{ file: 'once.txt' }]);
    server.serve('/once.txt', (_request, response) => void response.writeHead(403).end());
    const before = await settled();
    expect((await posting(key, parts)).body).toStrictEqual(first.body);
    expect(await posting(key, [fieldPart('presigned_urls', `${url}2`)])).toMatchObject(conflict);
    expect(await everything()).toStrictEqual(before);
    expect(server.asked.filter((path) => path === '/once.txt')).toHaveLength(1);
  });
});

it('of 40 requests with one key at two backends one is accepted, and all get its id', async () => {
  const other = await startBackend(postgres, {}, backend);
  others.push(other);
  const there = { ...deployment, url: `${other.url}${deployment.path}` };
  const before = await settled();
  const [key, parts] = [newKey(), [filePart('a.txt', 'raced')]];
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, index) => posting(key, parts, index % 2 === 0 ? deployment : there)),
  );
  expect(answers.map(({ status }) => status)).toStrictEqual(Array(40).fill(200));
  expect(new Set(answers.map(idOf)).size).toBe(1);
  const after = await everything();
  expect([
    after.rows['executions']! - before.rows['executions']!,
    after.keys - before.keys,
    after.files - before.files,
  ]).toStrictEqual([1, 1, 1]);
});

it('of two different requests with one key at once one is accepted and the other is told 409', async () => {
  for (let round = 0; round < 10; round += 1) {
    const key = newKey();
    const answers = await Promise.all([
      posting(key, [filePart('a', 'one')]),
      posting(key, [filePart('a', 'two')]),
    ]);
    expect(answers.map(({ status }) => status).sort()).toStrictEqual([200, 409]);
  }
});

it('a request that is refused leaves its key free', async () => {
  const full = await startBackend(postgres, { maxUnfinished: 1 });
  others.push(full);
  const target = await full.deploy(await full.organisation(), 'invoices');
  const parts = [filePart('a.txt')];
  expect((await posting('first', parts, target)).status).toBe(200);
  expect((await posting('second', parts, target)).status).toBe(429);
  expect((await posting('third', [...parts, fieldPart('tags', '1')], target)).status).toBe(400);
  const rows = await full.database.query<{ key: string }>('select key from idempotency_keys');
  expect(rows.map(({ key }) => key)).toStrictEqual(['first']);
  expect(await full.storedFiles()).toHaveLength(1);
  expect((await posting('first', parts, target)).status).toBe(200);
  await full.worker();
  await eventually(async () => (await full.rows())['live_executions'] === 0);
  expect((await posting('second', [filePart('other')], target)).status).toBe(200);
});

it('a key names its execution for a day; then it is free, and later it is gone', async () => {
  const [key, parts] = [newKey(), [filePart('a.txt', 'aged')]];
  const age = (interval: string) =>
    backend.database.query(`update idempotency_keys set created_at = now() - $2::interval where key = $1`, [
      key,
      interval,
    ]);
  const first = await posting(key, parts);
  await age('23 hours 59 minutes');
  expect(idOf(await posting(key, parts))).toBe(idOf(first));
  await age('24 hours 1 minute');
  const second = await posting(key, [filePart('b.txt', 'something else')]);
  expect(second.status).toBe(200);
  expect(idOf(second)).not.toBe(idOf(first));
  const before = await keyRows();
  await forgetOldKeys(backend.database);
  expect(await keyRows()).toBe(before);
  await age('24 hours 1 minute');
  await forgetOldKeys(backend.database);
  expect(await keyRows()).toBe(before - 1);
});

it.each([
  ['empty', ''],
  ['longer than 255 characters', 'k'.repeat(256)],
  ['with a blank', 'a b'],
  ['with a tab', 'a\tb'],
  ['outside ASCII', 'sch\u00fcssel'],
  ['two of them', 'a, b'],
])('a key may not be %s', async (_what, key) => {
  const before = await settled();
  expect(await posting(key, [filePart('a.txt')])).toMatchObject({
    status: 400,
    body: { errors: [{ code: 'invalid', attr: 'Idempotency-Key' }] },
  });
  expect(await everything()).toStrictEqual(before);
});

it('a key may have 255 characters, and any visible one', async () => {
  for (const key of ['k'.repeat(255), `!"#$%&'()*+,-./09:;<=>?@AZ[\\]^_\`az{|}~`]) {
    expect((await posting(key, [filePart('a.txt')])).status).toBe(200);
  }
  await settled();
  expect(await brokenInvariants(backend.database)).toStrictEqual([]);
});
