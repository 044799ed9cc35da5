import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { errorBodySchema } from '@longshore/contracts';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startBackend, type HttpBackend, type TestDeployment } from '../testing/http-backend.ts';
import { eventually, type Answer } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { fieldPart, filePart, multipart, send, type Part } from '../testing/raw-upload.ts';

let postgres: TestPostgres;
let backend: HttpBackend;
let deployment: TestDeployment;

beforeAll(async () => {
  postgres = await startPostgres();
  backend = await startBackend(postgres);
  deployment = await backend.deploy(await backend.organisation('acme'), 'invoices');
  await backend.worker();
});
afterAll(async () => {
  await backend?.stop();
  await postgres?.stop();
});

async function everything() {
  await eventually(async () => (await backend.rows())['live_executions'] === 0);
  return { rows: await backend.rows(), files: (await backend.storedFiles()).length };
}
const post = (...parts: Part[]) => send(deployment, multipart(parts));

/** Posts and expects a refusal in the shape that every refusal has, and that nothing was left. */
async function refused(...parts: Part[]): Promise<Answer> {
  const before = await everything();
  const answer = await post(...parts);
  expect(errorBodySchema.strict().safeParse(answer.body).success).toBe(true);
  expect(await everything()).toStrictEqual(before);
  return answer;
}

const flags = ['include_metadata', 'include_metrics', 'include_extracted_text', 'use_file_history'];
const long = 'x'.repeat(20_000);

/** What each field may not be, beside what none may be. */
const wrong: Readonly<Record<string, readonly string[]>> = {
  timeout: [
    '',
    ' ',
    'soon',
    '-2',
    '301',
    '1.0',
    '1e1',
    '0x10',
    '+5',
    '١',
    '1 0',
    'NaN',
    'null',
    '[1]',
    '9'.repeat(30),
  ],
  tags: ['1a', '-a', '_a', 'a b', 'a,b', 'a;b', 'ä', '"a"', '["a"]', 'a'.repeat(51)],
  llm_profile_id: [
    'gpt',
    '0192f0c1',
    '0192f0c17e3a7abc9def0123456789ab',
    '{0192f0c1-7e3a-7abc-9def-0123456789ab}',
    'null',
  ],
  custom_data: [
    '{',
    '[]',
    '[{}]',
    '7',
    'true',
    '"text"',
    "{'a':1}",
    '{"a":1}{"b":2}',
    '{"a":NaN}',
    '{"a":"\\u0000"}',
    '{"a":"\\ud800"}',
  ],
  presigned_urls: [
    'a.pdf',
    'http://example.com/a',
    'ftp://example.com/a',
    '["https://example.com/a"]',
    'https://127.0.0.1/',
  ],
  ...Object.fromEntries(
    flags.map((flag) => [flag, ['maybe', '2', '-1', 'truefalse', 'ja', 'true,false', '[true]', '"true"']]),
  ),
};
const fields = Object.keys(wrong);
const control = ['a\u0000b', '\u0001', 'a\u001b[31mb', '\u007f\u0085', '\u202e'];

describe.each(fields)('%s', (field) => {
  it.each(wrong[field]!)('may not be %j', async (value) => {
    const { status, body } = await refused(filePart('a.txt'), fieldPart(field, value));
    expect([status, body]).toStrictEqual([
      400,
      { type: 'validation_error', errors: [{ code: 'invalid', detail: expect.any(String), attr: field }] },
    ]);
  });

  it.each([...control, long])('may not hold what nobody means: %#', async (value) => {
    const { status, body } = await refused(filePart('a.txt'), fieldPart(field, value));
    expect([status, body.type, body.errors[0].attr]).toStrictEqual([400, 'validation_error', field]);
    expect(body.errors[0].detail.length).toBeLessThan(500);
  });

  it('may not be a file', async () => {
    const { status, body } = await refused(filePart('a.txt'), filePart('b.txt', 'true', field));
    expect([status, body.errors]).toStrictEqual([
      400,
      [{ code: 'invalid', detail: 'Files belong into the field "files"', attr: field }],
    ]);
  });

  it('may not have 10 MB', async () => {
    const { status, body } = await refused(filePart('a.txt'), fieldPart(field, 'x'.repeat(10_000_000)));
    expect([status, body.type, body.errors[0].code, body.errors[0].attr]).toStrictEqual([
      413,
      'client_error',
      'too_large',
      field,
    ]);
  });

  it('may be absent', async () => {
    expect((await post(filePart('a.txt'))).status).toBe(200);
  });
});

it.each(fields.filter((field) => field !== 'presigned_urls'))(
  '%s may not come twice, even the same',
  async (field) => {
    const { status, body } = await refused(filePart('a.txt'), fieldPart(field, '1'), fieldPart(field, '1'));
    expect([status, body.errors]).toStrictEqual([
      400,
      [{ code: 'invalid', detail: 'The field is given twice', attr: field }],
    ]);
  },
);

it('files may not be absent, nor a text', async () => {
  const absent = await refused(fieldPart('timeout', '0'));
  expect([absent.status, absent.body.errors[0].code, absent.body.errors[0].attr]).toStrictEqual([
    400,
    'required',
    'files',
  ]);
  const text = await refused(filePart('a.txt'), fieldPart('files', 'text'));
  expect([text.status, text.body.errors[0].code, text.body.errors[0].attr]).toStrictEqual([
    400,
    'invalid',
    'files',
  ]);
});

it('all that is wrong is told in one answer', async () => {
  const parts = fields
    .filter((field) => field !== 'presigned_urls')
    .map((field) => fieldPart(field, wrong[field]!.at(-1)!));
  const { body } = await refused(filePart('a.txt'), ...parts);
  const attrs = body.errors.map((error: { attr: string }) => error.attr);
  expect(attrs.sort()).toStrictEqual(fields.filter((field) => field !== 'presigned_urls').sort());
});

const spellings = {
  true: ['true', 'True', 'TRUE', 'tRuE', '1', 'yes', 'Yes', 'on', 'ON', 'y', 'Y', 't', 'T', ' true '],
  false: ['false', 'False', 'FALSE', '0', 'no', 'No', 'off', 'OFF', 'n', 'N', 'f', 'F', ''],
};
it.each([
  ...spellings.true.map((word) => [word, true] as const),
  ...spellings.false.map((word) => [word, false] as const),
])('"%s" means %s', async (word, means) => {
  const { body } = await post(
    filePart('a.txt'),
    ...flags.map((flag) => fieldPart(flag, word)),
    fieldPart('timeout', '20'),
  );
  const [result] = body.message.result;
  const seen = ['metadata' in result.result, 'metrics' in result.result, 'extracted_text' in result];
  expect(seen).toStrictEqual([means, means, means]);
});

it('the same content under three names is computed once and reported three times', async () => {
  const names = ['one.txt', 'two.txt', 'three.txt'];
  const { body } = await post(...names.map((name) => filePart(name, 'thrice')), fieldPart('timeout', '20'));
  const results: {
    file: string;
    file_execution_id: string;
    result: unknown;
    metadata: { source_name: string };
  }[] = body.message.result;
  expect(results.map(({ file }) => file)).toStrictEqual(names);
  expect(results.map(({ metadata }) => metadata.source_name)).toStrictEqual(names);
  expect(new Set(results.map((each) => each.file_execution_id)).size).toBe(1);
  expect(new Set(results.map(({ result }) => JSON.stringify(result))).size).toBe(1);
  const rows = await backend.database.query(
    'select 1 from runs where parent_id = $1 and ordinal is not null',
    [body.message.execution_id],
  );
  expect(rows).toHaveLength(1);
  await everything();
  expect(await brokenInvariants(backend.database)).toStrictEqual([]);
});
