import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startBackend, type HttpBackend, type TestDeployment } from '../testing/http-backend.ts';
import { eventually, refusal, type Answer } from '../testing/http-client.ts';
import {
  fieldPart,
  filePart,
  multipart,
  multipartType,
  send,
  sendAndHangUp,
  type Part,
} from '../testing/raw-upload.ts';
import { registration, workerCall } from '../testing/http-worker.ts';

const MAX_FILE_BYTES = 200_000;
const MAX_REQUEST_BYTES = 4_000_000;
const MAX_FILES = 3;
const STALLED_MS = 3_000;

let postgres: TestPostgres;
let backend: HttpBackend;
let deployment: TestDeployment;

beforeAll(async () => {
  postgres = await startPostgres();
  backend = await startBackend(postgres, {
    maxFileBytes: MAX_FILE_BYTES,
    maxRequestBytes: MAX_REQUEST_BYTES,
    maxFilesPerRequest: MAX_FILES,
    uploadStallMs: STALLED_MS,
  });
  deployment = await backend.deploy(await backend.organisation('acme'), 'invoices');
  await listen();
});
afterAll(async () => {
  await backend?.stop();
  await postgres?.stop();
});

/** Registers a session, so that whatever is accepted is published at once; nobody takes it. */
async function listen(): Promise<void> {
  const { workers, queues } = { workers: ['general'], queues: registration().queues };
  const { secret } = await backend.keys.create({ kind: 'service', name: 'worker', workers, queues });
  await workerCall({ url: backend.url, key: secret })('POST', '/v1/sessions', { body: registration(100) });
}

/** What there is, once everything accepted has reached the broker. */
async function everything() {
  await eventually(async () => (await backend.messages()) === (await backend.rows())['dispatches']);
  return {
    rows: await backend.rows(),
    messages: await backend.messages(),
    files: (await backend.storedFiles()).length,
  };
}

/** Sends the form and expects that it left nothing anywhere. */
async function refused(
  form: Parameters<typeof send>[1],
  headers: Record<string, string> = {},
): Promise<Answer> {
  const before = await everything();
  const answer = await send(deployment, form, headers);
  expect(await everything()).toStrictEqual(before);
  return answer;
}

const form = (...parts: Part[]) => multipart(parts);
const big = (bytes: number) => Buffer.alloc(bytes, 'b');

async function accepted(...parts: Part[]): Promise<{ name: string; size: number }[]> {
  const { status, body } = await send(deployment, form(...parts));
  expect([status, body.message?.execution_status]).toStrictEqual([200, 'PENDING']);
  return await backend.database.query<{ name: string; size: number }>(
    'select name, size::int from files where execution_id = $1 order by ordinal',
    [body.message.execution_id],
  );
}

describe('an accepted request', () => {
  it('leaves one object for all its files, in its place, and one message', async () => {
    const before = await everything();
    await accepted(filePart('a', 'one'), filePart('b', 'two'));
    const after = await everything();
    expect(after.files - before.files).toBe(1);
    expect((await backend.storedFiles()).every((file) => file.includes('/uploads/'))).toBe(true);
    expect(after.rows['files']! - before.rows['files']!).toBe(2);
    await eventually(async () => (await backend.messages()) === before.messages + 1);
  });

  it('may reach each limit exactly', async () => {
    const rows = await accepted(
      filePart('a', big(MAX_FILE_BYTES)),
      filePart('b', big(1)),
      filePart('c', big(0)),
      fieldPart('custom_data', `{"a":"${'x'.repeat(1024 * 1024 - 8)}"}`),
    );
    expect(rows.map((row) => row.size)).toStrictEqual([MAX_FILE_BYTES, 1, 0]);
  });

  it('may have its fields anywhere, and fields that mean nothing', async () => {
    await accepted(
      fieldPart('timeout', '0'),
      filePart('a'),
      fieldPart('hello', 'x'),
      fieldPart('__proto__', 'y'),
    );
  });
});

describe('a file name', () => {
  it.each([
    ['../../etc/passwd', 'passwd'],
    ['C:\\\\temp\\\\invoice.pdf', 'invoice.pdf'],
    ['/absolute/name.txt', 'name.txt'],
    ['ночь 夜 😀.txt', 'ночь 夜 😀.txt'],
    ['tab\there.txt', 'tabhere.txt'],
    ['a\u0085b.txt', 'ab.txt'],
    [`${'é'.repeat(400)}.txt`, `${'é'.repeat(251)}.txt`],
    ['  spaces .txt ', 'spaces .txt'],
    ['quote\\"d.txt', 'quote"d.txt'],
    ['..%2f..%2fx', '..%2f..%2fx'],
    ['invoice\u202Efdp.exe', 'invoicefdp.exe'],
    ['\u2066a\u2069\u200e.txt', 'a.txt'],
    ['cafe\u0301.txt', 'caf\u00e9.txt'],
    ['\u1112\u1161\u11ab.txt', '\ud55c.txt'],
    [`${'n'.repeat(300)}.pdf`, `${'n'.repeat(251)}.pdf`],
    ['n'.repeat(300), 'n'.repeat(255)],
    ['\u{1f600}'.repeat(300), '\u{1f600}'.repeat(255)],
    ['CON', 'CON'],
    [`x"; filename*=utf-8''..%2Fa%00b%07%1B.pdf; y="`, 'ab.pdf'],
    ['.htaccess', '.htaccess'],
    ['-rf', '-rf'],
    ["'; drop table files; --", "'; drop table files; --"],
  ])('%s is kept as %s', async (sent, kept) => {
    expect((await accepted(filePart(sent))).map((row) => row.name)).toStrictEqual([kept]);
  });

  it.each(['', ' ', '..', 'folder/', '\u0085', '\u202e'])('may not be "%s"', async (name) => {
    const { status, body } = await refused(form(filePart('good'), filePart(name)));
    expect(status).toBe(400);
    expect(body.errors[0].attr).toBe('files');
  });
});

it.each(['a\u0000b.pdf', '/etc/passwd\u0000.pdf', 'bell\u0007.txt', 'escape\u001b[31m.txt'])(
  'a header with control characters in it is no header: %j',
  async (name) => {
    expect(await refused(form(filePart(name)))).toMatchObject({
      status: 400,
      body: refusal('client_error', 'malformed_request', expect.any(String)),
    });
  },
);

describe('a request is refused and leaves nothing', () => {
  const invalid = (code: string, detail: unknown, attr: string | null) => ({
    status: 400,
    body: refusal(attr === null ? 'client_error' : 'validation_error', code, detail, attr),
  });
  const tooLarge = (detail: unknown, attr: string) => ({
    status: 413,
    body: refusal('client_error', 'too_large', detail, attr),
  });

  it('without a file', async () => {
    const expected = invalid('required', expect.any(String), 'files');
    expect(await refused(form(fieldPart('timeout', '0')))).toMatchObject(expected);
    expect(await refused(form())).toMatchObject({ status: 400 });
  });

  it('with too many files', async () => {
    const files = ['a', 'b', 'c', 'd', 'e'].map((name) => filePart(name));
    expect(await refused(form(...files))).toMatchObject(
      invalid('invalid', 'At most 3 files a request', 'files'),
    );
  });

  it('with a file that is too large, wherever it stands', async () => {
    const expected = tooLarge(`"b" is larger than ${MAX_FILE_BYTES} bytes`, 'files');
    const large = filePart('b', big(MAX_FILE_BYTES + 1));
    expect(await refused(form(large))).toMatchObject(expected);
    expect(await refused(form(filePart('a'), large))).toMatchObject(expected);
    expect(await refused(form(filePart('a'), large, filePart('c')))).toMatchObject(expected);
    expect(await refused(form(filePart('a'), filePart('b', big(3_000_000)), filePart('c')))).toMatchObject(
      expected,
    );
  });

  it('that is too large itself, as its length says before a byte of it is read', async () => {
    const length = { 'Content-Length': String(MAX_REQUEST_BYTES + 1) };
    async function* slowly() {
      yield multipart([filePart('a', big(100))], { end: false });
      await new Promise(() => undefined);
    }
    const answer = await refused(slowly(), length);
    expect(answer).toMatchObject(tooLarge(`The request is larger than ${MAX_REQUEST_BYTES} bytes`, 'files'));
  });

  it('that is too large and sent in chunks without a length', async () => {
    async function* endless() {
      yield multipart([], { end: false });
      yield multipart([fieldPart('a', 'b')]).subarray(0, -30);
      for (;;) yield big(64 * 1024);
    }
    const answer = await refused(endless(), { 'Transfer-Encoding': 'chunked' });
    expect(answer).toMatchObject({ status: 413 });
  });

  it('in other fields than "files", or under it without being a file', async () => {
    const wrong = invalid('invalid', 'Files belong into the field "files"', 'file');
    expect(await refused(form(filePart('a', 'x', 'file')))).toMatchObject(wrong);
    expect(
      await refused(form(filePart('a'), filePart('b', big(150_000), 'file'), filePart('c'))),
    ).toMatchObject(wrong);
    const expected = invalid('invalid', expect.stringContaining('Not a file'), 'files');
    expect(await refused(form(filePart('a'), fieldPart('files', 'text')))).toMatchObject(expected);
  });

  it('with a part that cannot be understood, rather than go on without that file', async () => {
    const whole = form(filePart('good.txt'), filePart('other.txt')).toString();
    const expected = invalid('malformed_request', expect.stringContaining('Content-Disposition'), null);
    for (const name of ['filename=my other.txt', "filename*=UTF-8''%ff%zz.txt"]) {
      const form = Buffer.from(whole.replace('filename="other.txt"', name));
      expect(await refused(form)).toMatchObject(expected);
    }
    const headless = whole.replace(/Content-Disposition: (.*other)/u, 'X: $1');
    expect(await refused(Buffer.from(headless))).toMatchObject(expected);
  });

  it('with a field given twice, before or after its files', async () => {
    const expected = invalid('invalid', 'The field is given twice', 'timeout');
    const twice = [fieldPart('timeout', '0'), fieldPart('timeout', '0')];
    expect(await refused(form(...twice, filePart('a', big(150_000))))).toMatchObject(expected);
    expect(await refused(form(filePart('a', big(150_000)), ...twice))).toMatchObject(expected);
  });

  it('with a huge field, with more fields than anybody needs, with many large ones', async () => {
    const large = await refused(form(fieldPart('custom_data', 'x'.repeat(3_000_000)), filePart('a')));
    expect(large).toMatchObject(tooLarge(expect.any(String), 'custom_data'));
    const many = Array.from({ length: 60 }, (_, index) => fieldPart(`f${index}`, ''));
    expect(await refused(form(...many, filePart('a')))).toMatchObject(
      invalid('malformed_request', 'At most 50 fields a request', null),
    );
    const mega = ['a', 'b', 'c'].map((name) => fieldPart(name, 'x'.repeat(1_000_000)));
    expect(await refused(form(...mega, filePart('a')))).toMatchObject(tooLarge(expect.any(String), 'c'));
  });

  it('with wrong fields beside good files', async () => {
    expect(await refused(form(filePart('a', big(150_000)), fieldPart('timeout', '999')))).toMatchObject(
      invalid('invalid', expect.any(String), 'timeout'),
    );
  });

  it('that is not multipart', async () => {
    for (const type of [
      'application/json',
      'application/x-www-form-urlencoded',
      'multipart/mixed; boundary=x',
    ]) {
      const answer = await refused(Buffer.from('{}'), { 'Content-Type': type });
      expect(answer).toMatchObject({
        status: 415,
        body: refusal('client_error', 'unsupported_media_type', expect.any(String)),
      });
    }
  });

  it.each<[string, Buffer, string]>([
    ['no boundary', form(filePart('a')), 'multipart/form-data'],
    ['another boundary', form(filePart('a')), 'multipart/form-data; boundary=other'],
    ['no end', multipart([filePart('a'), filePart('b', big(150_000))], { end: false }), multipartType],
    ['an end in the middle of a file', form(filePart('a', big(150_000))).subarray(0, 100_000), multipartType],
    ['an end in the middle of a header', form(filePart('a')).subarray(0, 60), multipartType],
    ['nothing in it', Buffer.alloc(0), multipartType],
    [
      'a broken header',
      Buffer.from(
        form(filePart('a'), filePart('b'))
          .toString()
          .replace('Disposition: form-data; name="files"; filename="b"', '\0:'),
      ),
      multipartType,
    ],
  ])('that is broken: %s', async (_what, body, type) => {
    const answer = await refused(body, { 'Content-Type': type });
    expect(answer).toMatchObject({
      status: 400,
      body: refusal('client_error', 'malformed_request', expect.any(String)),
    });
  });

  it('whose client hangs up in the middle of the first file, of a later one, or between two', async () => {
    const before = await everything();
    const bodies = [
      multipart([filePart('a', big(150_000))], { end: false }).subarray(0, 100_000),
      multipart([filePart('a', big(150_000)), filePart('b', big(150_000))], { end: false }).subarray(
        0,
        200_000,
      ),
      multipart([filePart('a', 'x'), filePart('b', 'y')], { end: false }),
      multipart([filePart('a', 'x'), filePart('b', 'y'), filePart('c', 'z')], { end: false }).subarray(0, -5),
    ];
    for (const body of bodies) {
      const isBeingWritten = async () => (await backend.storedFiles()).length > before.files;
      await sendAndHangUp(deployment, body, 1_000_000, () => eventually(isBeingWritten));
      await eventually(async () => (await backend.storedFiles()).length === before.files);
    }
    expect(await everything()).toStrictEqual(before);
  });

  it('whose client stands still in the middle, and is cut off', async () => {
    const before = await everything();
    for (const body of [
      multipart([filePart('a', big(150_000))], { end: false }).subarray(0, 100_000),
      multipart([filePart('a', 'x')], { end: false }),
      Buffer.alloc(0),
    ]) {
      const cutOff = sendAndHangUp(deployment, body, 1_000_000, () => new Promise(() => undefined));
      await cutOff;
    }
    await eventually(async () => (await backend.storedFiles()).length === before.files);
    expect(await everything()).toStrictEqual(before);
  });

  it('whose client is not allowed in, however much it sends, and gets its answer all the same', async () => {
    const before = await everything();
    const answer = await send({ ...deployment, key: 'lsk_dep_wrong' }, form(filePart('a', big(3_900_000))));
    expect(answer).toMatchObject({ status: 401 });
    expect(await everything()).toStrictEqual(before);
  });
});

it('a client that is slow, but sends on, is waited for', async () => {
  async function* slowly() {
    const body = form(filePart('a', big(1_000)));
    for (let at = 0; at < body.length; at += 100) {
      yield body.subarray(at, at + 100);
      await new Promise((resolve) => setTimeout(resolve, STALLED_MS / 8));
    }
  }
  const { status } = await send(deployment, slowly(), { 'Transfer-Encoding': 'chunked' });
  expect(status).toBe(200);
});

it('a client that is refused while it sends reads why, and may send all it has', async () => {
  async function* blocking() {
    const body = form(filePart('a', big(3_900_000)));
    for (let at = 0; at < body.length; at += 50_000) {
      yield body.subarray(at, at + 50_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const answers = await Promise.all(Array.from({ length: 10 }, () => refusedQuietly(blocking())));
  expect(answers).toStrictEqual(Array(10).fill(413));
});

async function refusedQuietly(body: AsyncIterable<Buffer>): Promise<number> {
  return (await send(deployment, body, { 'Transfer-Encoding': 'chunked', Connection: 'close' })).status;
}
