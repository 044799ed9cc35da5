import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { TLSSocket, createSecureContext } from 'node:tls';
import { afterEach, describe, expect, it } from '@jest/globals';
import { makeCertificate } from '@longshore/testing';
import { allowedHosts } from '../guard/allowed-hosts.ts';
import { connect, type PostgresSecret } from './connect.ts';

const certificate = makeCertificate('db.test');
const OURS = 'password authentication failed';
const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** What a server says that refuses everybody, so that nothing more of the protocol is needed. */
function refusal(): Buffer {
  const fields = Buffer.from(`SFATAL\0C28P01\0M${OURS}\0\0`);
  const head = Buffer.from([0x45, 0, 0, 0, 0]);
  head.writeUInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}

/** A server by the name of db.test that speaks TLS, and refuses each password. */
async function setup(secret: Partial<PostgresSecret> = {}, shown = certificate) {
  const names: (string | false | null)[] = [];
  const open = new Set<Socket>();
  const server: Server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write('S');
      const secure = new TLSSocket(socket, {
        isServer: true,
        secureContext: createSecureContext(shown),
      });
      secure.on('error', () => undefined);
      secure.on('secure', () => names.push((secure as { servername?: string | false }).servername ?? null));
      secure.once('data', () => secure.end(refusal()));
    });
  }).listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  cleanups.push(() => (open.forEach((socket) => socket.destroy()), server.close()));
  const { port } = server.address() as AddressInfo;
  const asked: string[] = [];
  const host = secret.host ?? 'db.test';
  const connecting = (answers = ['127.0.0.1']) =>
    connect({
      secret: { host, port: String(port), database: 'd', user: 'u', password: 'p', ...secret },
      guard: {
        hosts: allowedHosts([`${host}:${port}`], 'PIPELINE_HOSTS'),
        resolve: async (name) => {
          asked.push(name);
          return answers.map((address) => ({ address, family: 4 }));
        },
      },
      signal: new AbortController().signal,
    });
  return { connecting, names, asked };
}

describe('a connection to a database', () => {
  it('is made to a server whose certificate is of its name, and nothing is said before', async () => {
    const { connecting, names } = await setup({ ca: certificate.cert });
    await expect(connecting()).rejects.toMatchObject({
      problem: 'refused',
      message: expect.stringContaining(OURS),
    });
    expect(names).toEqual(['db.test']);
  });

  it.each([
    ['of an authority that nobody knows', {}],
    ['of another name', { host: 'other.test', ca: certificate.cert }],
  ])('is not made to a server with a certificate %s', async (_what, secret) => {
    await expect((await setup(secret)).connecting()).rejects.toMatchObject({
      ...{ problem: 'refused', message: expect.stringContaining('no secure connection') },
    });
  });

  it.each([
    ['is made to the address', '127.0.0.1', OURS],
    ['is not made to "localhost" instead of the address', 'localhost', 'no secure connection'],
  ])('%s that the credential names', async (_what, name, said) => {
    const shown = makeCertificate(name);
    const { connecting } = await setup({ host: '127.0.0.1', ca: shown.cert }, shown);
    await expect(connecting()).rejects.toThrow(said);
  });

  it('is made to whoever answers where the credential says so', async () => {
    const { connecting } = await setup({ tls: 'require' });
    await expect(connecting()).rejects.toThrow(OURS);
  });

  it('asks for the addresses of a name once, and refuses all of them for one that is forbidden', async () => {
    const { connecting, asked } = await setup();
    await expect(connecting(['127.0.0.1', '169.254.169.254'])).rejects.toMatchObject({
      ...{ problem: 'refused', message: 'its host is not at a public address' },
    });
    expect(asked).toEqual(['db.test']);
  });
});
