import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startFileServer, type FileServer } from '../testing/file-server.ts';
import { startBackend, type HttpBackend, type TestDeployment } from '../testing/http-backend.ts';
import { eventually, refusal } from '../testing/http-client.ts';
import { brokenInvariants } from '../testing/invariants.ts';
import { fieldPart, filePart, multipart, send, sendAndHangUp, type Part } from '../testing/raw-upload.ts';

const MAX_FILE_BYTES = 200_000;
const MAX_REQUEST_BYTES = 1024 ** 2;
const FETCH_TIMEOUT_MS = 4_000;

let postgres: TestPostgres;
let server: FileServer;
let backend: HttpBackend;
let deployment: TestDeployment;

beforeAll(async () => {
  [postgres, server] = await Promise.all([startPostgres(), startFileServer()]);
  backend = await startBackend(postgres, {
    ...server.settings,
    maxFileBytes: MAX_FILE_BYTES,
    maxRequestBytes: MAX_REQUEST_BYTES,
    maxFilesPerRequest: 8,
    presignedUrlTimeoutMs: FETCH_TIMEOUT_MS,
  });
  deployment = await backend.deploy(await backend.organisation('acme'), 'invoices');
  await backend.worker();
});
afterAll(async () => {
  await backend?.stop();
  await server?.stop();
  await postgres?.stop();
});

const urlPart = (url: string): Part => fieldPart('presigned_urls', url);
const post = (...parts: Part[]) => send(deployment, multipart([...parts, fieldPart('timeout', '30')]));
const everything = async () => ({ rows: await backend.rows(), files: (await backend.storedFiles()).length });

/** Posts and expects that nothing was left of it. */
async function refused(...parts: Part[]) {
  const before = await everything();
  const answer = await post(...parts);
  expect(JSON.stringify(answer.body)).not.toContain('secret');
  expect(await everything()).toStrictEqual(before);
  return answer;
}

describe('addresses of files', () => {
  it('are fetched after the files, in their order, and reported under their names', async () => {
    const urls = ['/u/1.txt', '/u/2.txt', '/u/3%20%C3%A4.txt'].map((path) =>
      server.serve(path, `at ${path}`),
    );
    const parts = [
      urlPart(urls[0]!),
      filePart('a.txt', 'one'),
      urlPart(urls[1]!),
      filePart('b.txt', 'two'),
      urlPart(urls[2]!),
    ];
    const { status, body } = await post(...parts);
    expect(status).toBe(200);
    const results: { file: string; result: { output: { text: string } } }[] = body.message.result;
    expect(results.map(({ file, result }) => [file, result.output.text])).toStrictEqual([
      ['a.txt', 'one'],
      ['b.txt', 'two'],
      ['1.txt', 'at /u/1.txt'],
      ['2.txt', 'at /u/2.txt'],
      ['3 ä.txt', 'at /u/3%20%C3%A4.txt'],
    ]);
    expect(await brokenInvariants(backend.database)).toStrictEqual([]);
  });

  it('keep their order although a later one is there first, and at most four are fetched at once', async () => {
    const first = Promise.withResolvers<void>();
    const urls = Array.from({ length: 8 }, (_, index) =>
      server.serve(`/o/${index}.txt`, (_request, response) => {
        if (index === 0) void first.promise.then(() => response.end('0'));
        else response.end(`${index}`);
        if (index === 3) first.resolve();
      }),
    );
    server.mostAtOnce();
    const { body } = await post(...urls.map(urlPart));
    expect(body.message.result.map((result: { file: string }) => result.file)).toStrictEqual(
      urls.map((_, index) => `${index}.txt`),
    );
    expect(server.mostAtOnce()).toBeLessThanOrEqual(4);
  });

  it('may have the same content as a file: it is computed once and reported for all names', async () => {
    const [one, two] = [server.serve('/same/x.txt', 'same'), server.serve('/same/y.txt', 'same')];
    const { body } = await post(filePart('f.txt', 'same'), urlPart(one), urlPart(two));
    const results: { file: string; file_execution_id: string }[] = body.message.result;
    expect(results.map(({ file }) => file)).toStrictEqual(['f.txt', 'x.txt', 'y.txt']);
    expect(new Set(results.map((result) => result.file_execution_id)).size).toBe(1);
  });

  it('without a telling name are called as their server says, or by their place', async () => {
    const named = server.serve(
      '/download',
      (_request, response) =>
        void response
          .setHeader('Content-Disposition', `attachment; filename*=UTF-8''..%2Fin%07voice.pdf`)
          .end('1'),
    );
    const nameless = server.serve('/folder/', 'nameless');
    const { body } = await post(urlPart(named), urlPart(nameless));
    expect(body.message.result.map((result: { file: string }) => result.file)).toStrictEqual([
      'invoice.pdf',
      'file-2',
    ]);
  });

  it('may be empty fields, as forms send them', async () => {
    expect((await post(filePart('a.txt'), urlPart(''), urlPart(' '))).status).toBe(200);
    expect((await refused(urlPart(''))).body).toMatchObject({
      errors: [{ code: 'required', attr: 'files' }],
    });
  });

  it('and files together are as many as a request may bring', async () => {
    const url = server.serve('/many.txt', 'x');
    const detail = 'At most 8 files a request';
    const many = (files: number, urls: number) => [
      ...Array.from({ length: files }, (_, index) => filePart(`${index}`)),
      ...Array.from({ length: urls }, () => urlPart(url)),
    ];
    server.asked.length = 0;
    for (const parts of [many(4, 5), many(0, 9), many(8, 1)]) {
      const { status, body } = await refused(...parts);
      expect([status, body.errors[0].detail]).toStrictEqual([400, detail]);
    }
    expect(server.asked).toStrictEqual([]);
    expect((await post(...many(4, 4))).status).toBe(200);
  });
});

describe('what cannot be fetched is refused and leaves nothing:', () => {
  const fetched = (code: string, type: Parameters<typeof refusal>[0], detail: unknown) =>
    refusal(type, code, detail, 'presigned_urls');

  it.each([
    'http://localhost/a',
    'ftp://localhost/a',
    'file:///etc/passwd',
    'https://127.0.0.1/latest?X=secret',
    'https://169.254.169.254/latest/meta-data?secret',
    'https://[::ffff:127.0.0.1]/a',
    'https://localhost:22/a?secret',
    'https://files.example.com/a?secret',
    'https://secret:secret@files.example.com/a',
    'not an address?secret',
    '/etc/passwd',
  ])('the address %s', async (url) => {
    const good = server.serve('/good.txt', 'x');
    server.asked.length = 0;
    const { status, body } = await refused(filePart('a.txt'), urlPart(good), urlPart(url));
    expect(status).toBe(400);
    expect(body).toStrictEqual(
      fetched('invalid', 'validation_error', expect.stringContaining('was not fetched')),
    );
    expect(server.asked).toStrictEqual([]);
  });

  it('a redirect to an internal address', async () => {
    const url = server.serve(
      '/moved',
      (_request, response) => void response.writeHead(302, { Location: 'https://127.0.0.1:1/?secret' }).end(),
    );
    const { status, body } = await refused(urlPart(url));
    expect([status, body.errors[0].detail]).toStrictEqual([
      400,
      `"https://${server.host}/moved" was not fetched: its host or port is not among the allowed ones (PRESIGNED_URL_HOSTS)`,
    ]);
  });

  it('a file that is larger than one may be, 413', async () => {
    const url = server.serve('/large', Buffer.alloc(MAX_FILE_BYTES + 1));
    const { status, body } = await refused(filePart('a.txt'), urlPart(url));
    expect(status).toBe(413);
    expect(body).toStrictEqual(
      fetched('too_large', 'client_error', expect.stringContaining('larger than 200000 bytes')),
    );
  });

  it('files that are together larger than a request may be, 413', async () => {
    const urls = Array.from({ length: 7 }, (_, index) =>
      server.serve(`/sum/${index}`, Buffer.alloc(MAX_FILE_BYTES - 1_000, `${index}`)),
    );
    const { status, body } = await refused(...urls.map(urlPart));
    expect([status, body.errors[0].attr]).toStrictEqual([413, 'presigned_urls']);
    expect(body.errors[0].detail).toBe(`The request is larger than ${MAX_REQUEST_BYTES} bytes`);
  });

  it('a server that answers with an error, 400', async () => {
    const url = server.serve('/expired', (_request, response) => void response.writeHead(403).end());
    const { status, body } = await refused(urlPart(url));
    expect([status, body.errors[0].detail]).toStrictEqual([
      400,
      `"https://${server.host}/expired" was not fetched: its server answered 403`,
    ]);
  });

  it('a connection that breaks, 502', async () => {
    const url = server.serve('/broken', (_request, response) => {
      response.writeHead(200, { 'Content-Length': '1000' });
      response.write('some', () => response.destroy());
    });
    const { status, body } = await refused(filePart('a.txt'), urlPart(url));
    expect(status).toBe(502);
    expect(body).toStrictEqual(fetched('fetch_failed', 'server_error', expect.any(String)));
  });

  it('a server that is silent or drips, 504', async () => {
    const silent = server.serve('/silent', () => undefined);
    const dripping = server.serve('/dripping', (_request, response) => {
      const drip = setInterval(() => response.write('x'), 20);
      response.once('close', () => clearInterval(drip));
    });
    for (const url of [silent, dripping]) {
      const { status, body } = await refused(urlPart(url));
      expect(status).toBe(504);
      expect(body).toStrictEqual(fetched('fetch_timeout', 'server_error', expect.any(String)));
    }
  });

  it('anything, beside a field that is wrong: it is not even asked for', async () => {
    const url = server.serve('/unasked', 'x');
    server.asked.length = 0;
    const { body } = await refused(urlPart(url), fieldPart('tags', 'a,b'));
    expect(body.errors).toMatchObject([{ attr: 'tags' }]);
    expect(server.asked).toStrictEqual([]);
  });
});

it('a client that hangs up while its files are fetched leaves nothing, and the fetch ends', async () => {
  const before = await everything();
  const url = server.serve('/slow', (_request, response) => void response.write('some'));
  const form = multipart([filePart('a.txt', 'x'.repeat(1000)), urlPart(url)]);
  await sendAndHangUp(deployment, form, form.length, () => eventually(async () => server.open() > 0));
  await eventually(async () => server.open() === 0 && (await backend.storedFiles()).length === before.files);
  expect(await everything()).toStrictEqual(before);
});
