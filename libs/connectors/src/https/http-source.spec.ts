import { once } from 'node:events';
import { createServer as createPlainServer, type RequestListener, type Server } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { makeCertificate } from '@longshore/testing';
import { createHttpSource, type HttpSourceOptions } from './http-source.ts';

const certificate = makeCertificate('localhost');
let listener: RequestListener = (_request, response) => void response.end();
let asked: string[] = [];
let secure: Server;
let plain: Server;
const portOf = (server: Server) => (server.address() as AddressInfo).port;
const address = (path: string) => `https://localhost:${portOf(secure)}${path}`;

beforeAll(async () => {
  const answer: RequestListener = (request, response) => {
    asked.push(`${request.headers.host} ${request.url}`);
    listener(request, response);
  };
  secure = createServer(certificate, answer);
  plain = createPlainServer(answer);
  for (const server of [secure, plain]) await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterAll(() => {
  for (const server of [secure, plain]) {
    server.closeAllConnections();
    server.close();
  }
});
afterEach(() => {
  asked = [];
});

function setup(options: Partial<HttpSourceOptions> = {}) {
  const source = createHttpSource({
    hosts: [`localhost:${portOf(secure)}`],
    certificates: [certificate.cert],
    ...options,
  });
  const read = async (url: string, { signal = new AbortController().signal, maxBytes = 1000 } = {}) => {
    const { name, body } = await source.open(url, { signal, maxBytes });
    let text = '';
    for await (const chunk of body) text += chunk.toString();
    return { name, text };
  };
  return { source, read };
}

const redirecting = (hops: Readonly<Record<string, string>>) => {
  listener = (request, response) => {
    const next = hops[request.url!];
    if (next === undefined) response.end('here');
    else response.writeHead(302, { Location: next }).end();
  };
};

describe('a file behind https', () => {
  it('comes with its name and its bytes', async () => {
    listener = (_request, response) => void response.end('hello');
    expect(await setup().read(address('/a/b.txt?sig=1'))).toStrictEqual({ name: 'b.txt', text: 'hello' });
  });

  it('comes unpacked when its server packs it, whatever it was asked for', async () => {
    listener = (_request, response) =>
      void response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync('hello'));
    expect(await setup().read(address('/a.txt'))).toMatchObject({ text: 'hello' });
  });

  it('is found behind five redirects, relative ones too, and not behind six', async () => {
    redirecting({ '/1': '/2', '/2': address('/3'), '/3': '/4', '/4': '/5', '/5': '/6', '/0': '/1' });
    expect(await setup().read(address('/1'))).toMatchObject({ text: 'here' });
    await expect(setup().read(address('/0'))).rejects.toMatchObject({
      problem: 'refused',
      message: 'its server redirects more than 5 times',
    });
  });
});

describe('nothing is sent to', () => {
  const internal = [
    'https://localhost/',
    'https://127.0.0.1/',
    'https://127.1/',
    'https://0x7f000001/',
    'https://2130706433/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[64:ff9b::7f00:1]/',
    'https://169.254.169.254/latest/meta-data/',
    'https://10.0.0.1/',
    'https://0/',
    'https://１２７.0.0.1/',
  ];
  it.each(internal)('%s, which is no public address', async (url) => {
    await expect(setup({ hosts: [] }).read(url)).rejects.toMatchObject({
      problem: 'refused',
      message: 'its host is not at a public address',
    });
  });

  it.each([
    ['http://example.com/a', 'only https is allowed'],
    ['ftp://example.com/a', 'only https is allowed'],
    ['file:///etc/passwd', 'only https is allowed'],
    ['data:text/plain,hello', 'only https is allowed'],
    ['https://user:secret@example.com/a', 'it must not hold a user name or password'],
    ['https://user@example.com/a', 'it must not hold a user name or password'],
    ['https://example.com:22/', 'its host or port is not among the allowed ones (PRESIGNED_URL_HOSTS)'],
    ['//example.com/a', 'it is not the address of a file'],
    ['hello', 'it is not the address of a file'],
    ['https://', 'it is not the address of a file'],
    ['', 'it is not the address of a file'],
    [`https://example.com/${'a'.repeat(9000)}`, 'it is not the address of a file'],
  ])('%s: %s', async (url, message) => {
    const { source, read } = setup({ hosts: [] });
    expect(() => source.check(url)).toThrow(message);
    await expect(read(url)).rejects.toMatchObject({ problem: 'refused', message });
  });

  it('a host that is not on the list, not even its addresses', async () => {
    const resolve = async () => Promise.reject(new Error('was asked'));
    const { read } = setup({ hosts: ['*.example.com'], resolve });
    await expect(read('https://example.org/a')).rejects.toMatchObject({ problem: 'refused' });
  });

  it('a link-local address, even when an operator named it', async () => {
    const { read } = setup({ hosts: ['169.254.169.254:443'] });
    await expect(read('https://169.254.169.254/')).rejects.toMatchObject({ problem: 'refused' });
  });

  it.each([
    ['a public name', ['93.184.215.14', '127.0.0.1']],
    ['a public name', ['169.254.169.254']],
    ['a public name', ['::ffff:127.0.0.1']],
    ['a name', []],
  ])('%s that resolves to %j', async (_what, addresses) => {
    const resolve = async () =>
      addresses.map((found) => ({ address: found, family: found.includes(':') ? 6 : 4 }));
    const { read } = setup({ hosts: [], resolve });
    await expect(read('https://files.example.com/a')).rejects.toMatchObject({ problem: 'refused' });
    expect(asked).toStrictEqual([]);
  });

  it('a name that is public once and internal at the next look: there is no next look', async () => {
    const answers = ['127.0.0.1', '10.0.0.1'];
    const looks: string[] = [];
    const resolve = async (host: string) => {
      looks.push(host);
      return [{ address: answers[looks.length - 1] ?? '10.0.0.1', family: 4 }];
    };
    listener = (_request, response) => void response.end('hello');
    const { read } = setup({ resolve });
    expect(await read(address('/a.txt'))).toMatchObject({ text: 'hello' });
    expect(looks).toStrictEqual(['localhost']);
  });

  it.each([
    ['an internal host', 'https://127.0.0.1/'],
    ['the metadata service', 'http://169.254.169.254/latest'],
    ['another port of an allowed host', 'https://localhost:1/'],
    ['plain http', 'http://localhost/'],
    ['an address with a password', 'https://a:b@localhost/'],
    ['a file', 'file:///etc/passwd'],
  ])('where a redirect leads: %s', async (_what, target) => {
    redirecting({ '/a': target });
    await expect(setup().read(address('/a'))).rejects.toMatchObject({ problem: 'refused' });
    expect(asked).toHaveLength(1);
  });

  it('where a redirect leads out of the list', async () => {
    redirecting({ '/a': 'https://files.example.com/b' });
    await expect(setup().read(address('/a'))).rejects.toMatchObject({
      message: 'its host or port is not among the allowed ones (PRESIGNED_URL_HOSTS)',
    });
  });
});

describe('a fetch ends', () => {
  it('when the file is larger than allowed, as its length says or as it comes, packed or not', async () => {
    const bodies: RequestListener[] = [
      (_request, response) => void response.end('x'.repeat(1001)),
      (_request, response) => {
        response.write('x'.repeat(600));
        response.end('x'.repeat(600));
      },
      (_request, response) =>
        void response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync(Buffer.alloc(5_000_000))),
    ];
    for (const body of bodies) {
      listener = body;
      await expect(setup().read(address('/a'))).rejects.toMatchObject({
        problem: 'too_large',
        message: 'it is larger than 1000 bytes',
      });
    }
    listener = (_request, response) => void response.end('x'.repeat(1000));
    expect((await setup().read(address('/a'))).text).toHaveLength(1000);
  });

  it.each([204, 206, 301, 304, 400, 403, 404, 500, 503])('when the server answers %i', async (status) => {
    listener = (_request, response) => void response.writeHead(status).end();
    await expect(setup().read(address('/a'))).rejects.toMatchObject({
      problem: 'refused',
      message: `its server answered ${status}`,
    });
  });

  it('when the server is silent, before it answers or in the middle', async () => {
    listener = () => undefined;
    const { read } = setup({ silenceMs: 50 });
    await expect(read(address('/a'))).rejects.toMatchObject({ problem: 'timeout' });
    listener = (_request, response) => void response.write('some');
    await expect(read(address('/a'))).rejects.toMatchObject({ problem: 'timeout' });
  });

  it('when the time given is over although bytes still drip, and says that it was the time', async () => {
    listener = (_request, response) => {
      const dripping = setInterval(() => response.write('x'), 5);
      response.once('close', () => clearInterval(dripping));
    };
    const reading = setup().read(address('/a'), { signal: AbortSignal.timeout(100), maxBytes: 1e9 });
    await expect(reading).rejects.toMatchObject({ problem: 'timeout', message: 'it took too long' });
  });

  it('when whoever asked goes away, with the reason that was given', async () => {
    const gone = new AbortController();
    listener = (_request, response) => {
      response.write('some');
      setImmediate(() => gone.abort(new Error('gone')));
    };
    await expect(setup().read(address('/a'), { signal: gone.signal })).rejects.toThrow('gone');
  });

  it('when the connection breaks, is refused, is not trusted, or the name is unknown', async () => {
    listener = (_request, response) => {
      response.writeHead(200, { 'Content-Length': '900' });
      response.write('some', () => response.destroy());
    };
    const broken = { problem: 'connection', message: 'the connection failed or broke' };
    await expect(setup().read(address('/a'))).rejects.toMatchObject(broken);
    await expect(setup({ hosts: ['localhost:1'] }).read('https://localhost:1/')).rejects.toMatchObject(
      broken,
    );
    await expect(setup({ certificates: [] }).read(address('/a'))).rejects.toMatchObject({
      problem: 'connection',
      message: 'no secure connection could be made',
    });
    const resolve = () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }));
    await expect(setup({ hosts: [], resolve }).read('https://a.example/')).rejects.toMatchObject({
      problem: 'connection',
      message: 'its host was not found',
    });
  });

  it('when a body that claims to be packed is not', async () => {
    listener = (_request, response) =>
      void response.writeHead(200, { 'Content-Encoding': 'gzip' }).end('not packed');
    await expect(setup().read(address('/a'))).rejects.toMatchObject({ problem: 'refused' });
    listener = (_request, response) =>
      void response.writeHead(200, { 'Content-Encoding': 'constructor' }).end('x');
    await expect(setup().read(address('/a'))).rejects.toMatchObject({ problem: 'refused' });
  });
});

it('plain http is fetched when that is allowed, by the same rules', async () => {
  listener = (_request, response) => void response.end('hello');
  const port = portOf(plain);
  const { read } = setup({ allowHttp: true, hosts: [`localhost:${port}`] });
  expect(await read(`http://localhost:${port}/a.txt`)).toMatchObject({ text: 'hello' });
  await expect(setup({ allowHttp: true, hosts: [] }).read('http://127.0.0.1/')).rejects.toMatchObject({
    problem: 'refused',
  });
});
