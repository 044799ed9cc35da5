import { createHash, hash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { S3_SECRET as SECRET, startS3Server, type TestS3Server } from '@longshore/testing';
import { createWebAccess } from '../https/web-access.ts';
import { openS3Destination } from './s3-destination.ts';
import { openS3Source, type S3File } from './s3-source.ts';

let server: TestS3Server;
const cleanups: (() => unknown)[] = [];
beforeAll(async () => {
  server = await startS3Server();
});
afterAll(() => server.stop());
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const { signal } = new AbortController();
let prefixes = 0;

/** A bucket's folder of its own for a test. */
function setup({ secret = SECRET, bucket = 'inbox', host = server.host, glob = '**/*' } = {}) {
  const web = createWebAccess({ hosts: [host], allowHttp: true, silenceMs: 5_000 });
  const prefix = `test ${(prefixes += 1)}/ü/`;
  const options = { place: { endpoint: `http://${host}`, bucket }, secret, web, prefix, pauseMs: 10 };
  return {
    options,
    put: async (path: string, text = path) => (await openS3Destination(options)).write(path, text, signal),
    list: async (most = 10_000) => (await openS3Source({ ...options, glob })).list(most, signal),
  };
}

async function textOf(file: S3File, maxBytes = 1_000): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of file.read({ signal, maxBytes })) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('a bucket as a source', () => {
  it('lists what fits below its prefix, and reads it, whatever the keys look like', async () => {
    const { put, list, options } = setup({ glob: '**/*.{pdf,txt}' });
    const names = ['a.txt', 'sub/b + c.PDF', 'sub/new (1)!*~.txt', 'sub/ü%20é.txt', 'q?a=1#x.txt'];
    for (const name of [...names, '.hidden.txt', 'sub/.x/y.txt', 'other.docx']) await put(name);
    await (await openS3Destination({ ...options, prefix: 'elsewhere/' })).write('x.txt', 'x', signal);
    const files = await list();
    expect(files.map(({ path }) => path)).toEqual(names.toSorted());
    for (const file of files) expect(await textOf(file)).toBe(file.path);
  });

  it('marks each state of an object with another mark, and reads no other state than it listed', async () => {
    const { put, list } = setup();
    await put('a.txt', 'one');
    const [before] = await list();
    expect((await list())[0]!.mark).toBe(before!.mark);
    await put('a.txt', 'two');
    const [after] = await list();
    expect(after!.mark).not.toBe(before!.mark);
    await expect(textOf(before!)).rejects.toMatchObject({ problem: 'changed' });
    expect(await textOf(after!)).toBe('two');
  });

  it('of more objects than a page of a listing holds is listed whole, each object once', async () => {
    const { list, options } = setup();
    const destination = await openS3Destination(options);
    const paths = Array.from({ length: 1_003 }, (_, index) => `${String(index).padStart(4, '0')} ü+,=.txt`);
    for (let at = 0; at < paths.length; at += 50)
      await Promise.all(paths.slice(at, at + 50).map((path) => destination.write(path, 'x', signal)));
    expect((await list()).map(({ path }) => path)).toEqual(paths);
    await expect(list(1_002)).rejects.toMatchObject({ problem: 'too_many' });
  });

  it('gives a large object as it was written', async () => {
    const { put, list } = setup();
    const content = '0123456789abcde\n'.repeat(2 ** 20);
    await put('large.txt', content);
    const [large] = await list();
    const digest = createHash('sha256');
    for await (const chunk of large!.read({ signal, maxBytes: content.length })) digest.update(chunk);
    expect(digest.digest('hex')).toBe(hash('sha256', content));
    await expect(textOf(large!, content.length - 1)).rejects.toThrow('larger than');
  });

  it('reads no more bytes than it may', async () => {
    const { put, list } = setup();
    await put('a.txt', 'x'.repeat(101));
    const [file] = await list();
    await expect(textOf(file!, 100)).rejects.toThrow('larger than 100 bytes');
    expect(await textOf(file!, 101)).toHaveLength(101);
  });

  it('failure mode 13: that cannot be listed fails, and says why', async () => {
    const wrong = { ...SECRET, secret_access_key: 'wrong' };
    await expect(setup({ secret: wrong }).list()).rejects.toMatchObject({
      ...{ problem: 'refused', message: expect.stringContaining('the secret of the credential is wrong') },
    });
    const unknown = { ...SECRET, access_key_id: 'nobody' };
    await expect(setup({ secret: unknown }).list()).rejects.toThrow('does not know the access key');
    await expect(setup({ bucket: 'nowhere' }).list()).rejects.toMatchObject({
      ...{ problem: 'missing', message: expect.stringContaining('no such bucket') },
    });
  });

  it('is not reached in an internal network that the operator did not allow', async () => {
    const { options } = setup();
    const web = createWebAccess({ hosts: [], allowHttp: true });
    const source = await openS3Source({ ...options, web, glob: '*' });
    await expect(source.list(10, signal)).rejects.toMatchObject({ problem: 'refused' });
  });
});

describe('a bucket as a destination', () => {
  it('has one object for a path, however often it is written', async () => {
    const { put, list } = setup();
    for (const text of ['one', 'one', 'two']) await put('sub/a.json', text);
    const files = await list();
    expect(files).toHaveLength(1);
    expect(await textOf(files[0]!)).toBe('two');
  });

  it('is not written by whoever does not have its secret', async () => {
    const { list } = setup();
    const before = await list();
    const wrong = setup({ secret: { ...SECRET, secret_access_key: 'wrong' } });
    await expect(wrong.put('a.json')).rejects.toMatchObject({ problem: 'refused' });
    const nowhere = setup({ bucket: 'nowhere' });
    await expect(nowhere.put('a.json')).rejects.toMatchObject({ problem: 'missing' });
    expect(await list()).toEqual(before);
  });

  it('refuses keys that no address can name', async () => {
    const { put } = setup();
    await expect(put('a/../b.json')).rejects.toMatchObject({ problem: 'unusable' });
    await expect(put('x'.repeat(1_100))).rejects.toMatchObject({ problem: 'unusable' });
  });
});

describe('a server in trouble', () => {
  /** A server that answers like this, one time after the other. */
  async function answering(...answers: { status: number; body: string }[]) {
    let asked = 0;
    const heads: IncomingMessage[] = [];
    const trouble: Server = createServer((request, response) => {
      heads.push(request);
      const { status, body } = answers[Math.min(asked, answers.length - 1)]!;
      asked += 1;
      response.writeHead(status, { 'Content-Type': 'application/xml' }).end(body);
    }).listen(0, '127.0.0.1');
    await new Promise((done) => trouble.once('listening', done));
    cleanups.push(() => trouble.close());
    const { port } = trouble.address() as AddressInfo;
    return { ...setup({ host: `127.0.0.1:${port}` }), asked: () => asked, heads };
  }

  it('is sent what it can hold the bytes against', async () => {
    const { put, heads } = await answering({ status: 200, body: '' });
    await put('a.json', 'A');
    expect(heads[0]!.headers).toMatchObject({
      'content-md5': createHash('md5').update('A').digest('base64'),
      'x-amz-content-sha256': createHash('sha256').update('A').digest('hex'),
    });
  });

  it('that answers a write without end is not listened to without end', async () => {
    let closed = () => undefined as void;
    const isClosed = new Promise<void>((done) => (closed = done));
    const endless = createServer((_request, response) => {
      response.on('close', closed).on('drain', () => response.write('x'.repeat(100_000)));
      response.writeHead(200).write('x'.repeat(100_000));
    });
    endless.listen(0, '127.0.0.1');
    await new Promise((done) => endless.once('listening', done));
    cleanups.push(() => (endless.closeAllConnections(), endless.close()));
    await setup({ host: `127.0.0.1:${(endless.address() as AddressInfo).port}` }).put('a.json');
    await isClosed;
  });

  it('is asked by the name of the bucket where that stands in the host', async () => {
    const asked = await answering(listing('false</IsTruncated>'));
    const port = asked.options.place.endpoint.split(':').at(-1)!;
    const resolve = () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
    const web = createWebAccess({ hosts: [`inbox.s3.test:${port}`], allowHttp: true, resolve });
    const place = { endpoint: `http://s3.test:${port}`, bucket: 'inbox', path_style: false };
    const source = await openS3Source({ ...asked.options, place, web, glob: '*' });
    expect(await source.list(10, signal)).toEqual([]);
    expect([asked.heads[0]!.headers.host, asked.heads[0]!.url]).toEqual([
      `inbox.s3.test:${port}`,
      expect.stringMatching(/^\/\?list-type=2&/),
    ]);
  });

  const listing = (body: string) => ({ status: 200, body: `<R><IsTruncated>${body}</R>` });
  const BUSY = { status: 503, body: '<Error><Code>SlowDown</Code></Error>' };

  it('is asked for every page of a listing', async () => {
    const page = (key: string, rest: string) => listing(`${rest}<Contents><Key>${key}</Key></Contents>`);
    const more = (token: string) =>
      `true</IsTruncated><NextContinuationToken>${token}</NextContinuationToken>`;
    const asked = await answering(
      ...[page('c.txt', more('1/+= ü')), page('a.txt', more('2')), page('b.txt', 'false</IsTruncated>')],
    );
    const source = await openS3Source({ ...asked.options, prefix: '', glob: '*' });
    expect((await source.list(3, signal)).map(({ path }) => path)).toEqual(['a.txt', 'b.txt', 'c.txt']);
    const tokens = asked.heads.map(({ url }) =>
      new URL(url!, 'http://x').searchParams.get('continuation-token'),
    );
    expect(tokens).toEqual([null, '1/+= ü', '2']);
  });

  it('that holds too much is told as soon as that is known', async () => {
    const page = listing(
      'true</IsTruncated><NextContinuationToken>1</NextContinuationToken><Contents><Key>a</Key></Contents><Contents><Key>b</Key></Contents>',
    );
    const asked = await answering(page);
    const source = await openS3Source({ ...asked.options, prefix: '', glob: '*' });
    await expect(source.list(1, signal)).rejects.toMatchObject({ problem: 'too_many' });
    expect(asked.asked()).toBe(1);
  });

  it.each([
    ['as XML has them', '<Key>a&amp;b&#39;s + c.txt</Key>'],
    ['as forms have them', '<Key>a%26b%27s+%2B+c.txt</Key>', '<EncodingType>url</EncodingType>'],
  ])('lists keys %s', async (_how, key, encoding = '') => {
    const contents = `${encoding}<Contents>${key}<ETag>&quot;x&quot;</ETag></Contents>`;
    const asked = await answering(listing(`false</IsTruncated>${contents}`));
    const source = await openS3Source({ ...asked.options, prefix: '', glob: '*' });
    expect((await source.list(10, signal)).map(({ path }) => path)).toEqual(["a&b's + c.txt"]);
  });

  it('lists what no file can be called so that it fails alone, and each key once', async () => {
    const keys = ['a%00b.txt', 'good.txt', 'good.txt'].map((key) => `<Contents><Key>${key}</Key></Contents>`);
    const asked = await answering(
      listing(`false</IsTruncated><EncodingType>url</EncodingType>${keys.join('')}`),
    );
    const source = await openS3Source({ ...asked.options, prefix: '', glob: '*' });
    const files = await source.list(10, signal);
    expect(files.map(({ path }) => path)).toEqual(['a\uFFFDb.txt', 'good.txt']);
    await expect(textOf(files[0]!)).rejects.toMatchObject({ problem: 'unusable' });
    expect(asked.asked()).toBe(1);
  });

  it('is not waited for without end where it goes silent in the middle of a listing', async () => {
    const silent = createServer((_request, response) => void response.writeHead(200).write('<R>'));
    silent.listen(0, '127.0.0.1');
    await new Promise((done) => silent.once('listening', done));
    cleanups.push(() => (silent.closeAllConnections(), silent.close()));
    const host = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const web = createWebAccess({ hosts: [host], allowHttp: true, silenceMs: 50 });
    const source = await openS3Source({ ...setup({ host }).options, web, glob: '*' });
    await expect(source.list(10, signal)).rejects.toMatchObject({ problem: 'unavailable' });
  });

  it('is asked three times', async () => {
    const recovered = await answering(BUSY, BUSY, listing('false</IsTruncated>'));
    expect(await recovered.list()).toEqual([]);
    const busy = await answering(BUSY);
    await expect(busy.list()).rejects.toMatchObject({
      ...{ problem: 'unavailable', message: expect.stringContaining('SlowDown') },
    });
    expect(busy.asked()).toBe(3);
  });

  it.each([
    ['answers with a page for people', { status: 200, body: '<html><body>Sign in</body></html>' }],
    ['answers with what is no XML', { status: 200, body: 'nothing here' }],
    [
      'lists keys that cannot be decoded',
      listing('false</IsTruncated><EncodingType>url</EncodingType><Contents><Key>%zz</Key></Contents>'),
    ],
    ['does not say where a listing goes on', listing('true</IsTruncated>')],
    [
      'goes on for ever at the same place',
      listing('true</IsTruncated><NextContinuationToken>x</NextContinuationToken>'),
    ],
  ])('that %s is not taken for an empty bucket', async (_what, answer) => {
    await expect((await answering(answer)).list()).rejects.toMatchObject({ problem: 'refused' });
  });
});
