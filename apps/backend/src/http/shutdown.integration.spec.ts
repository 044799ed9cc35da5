import { request } from 'node:http';
import { connect } from 'node:net';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '@longshore/testing';
import { startBackend, type HttpBackend, type TestDeployment } from '../testing/http-backend.ts';
import { answer, bearer, eventually, poll, post, textFile } from '../testing/http-client.ts';

let postgres: TestPostgres;
let backend: HttpBackend;
let deployment: TestDeployment;

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres?.stop());
beforeEach(async () => {
  backend = await startBackend(postgres);
  deployment = await backend.deploy(await backend.organisation(), 'invoices');
});
afterEach(() => backend.stop());

const ask = (path: string, init: RequestInit = {}) => answer(fetch(`${backend.url}${path}`, init));
describe('when the backend stops', () => {
  it('requests that wait are told how far it is, and the execution can be read elsewhere', async () => {
    const waiting = post(deployment, [textFile('a.txt')], { timeout: '300' });
    await eventually(async () => (await backend.rows())['executions'] === 1);
    const stopped = backend.stopBackend();
    const { status, body } = await waiting;
    expect([status, body.message.execution_status]).toStrictEqual([200, 'PENDING']);
    await stopped;
    const successor = await startBackend(postgres, {}, backend);
    const there = { ...deployment, url: `${successor.url}${deployment.path}` };
    expect(await poll(there, body.message.execution_id)).toMatchObject({ status: 422 });
    await successor.stop();
  });

  it('connections that are kept open hold nothing up, those in use included', async () => {
    const waiting = post(deployment, [textFile('a.txt')], { timeout: '300' });
    await ask('/live');
    await eventually(async () => (await backend.rows())['executions'] === 1);
    const began = performance.now();
    await backend.stopBackend();
    // The client would have waited for five minutes.
    expect(performance.now() - began).toBeLessThan(20_000);
    expect((await waiting).status).toBe(200);
  });

  it('connections on which nothing was ever said hold nothing up', async () => {
    const sockets = [connect(backend.port, '127.0.0.1'), connect(backend.port, '127.0.0.1')];
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    await ask('/live');
    const closed = sockets.map((socket) => once(socket, 'close'));
    const began = performance.now();
    await backend.stopBackend();
    expect(performance.now() - began).toBeLessThan(15_000);
    await Promise.all(closed);
  });

  it('a client that stays silent in the middle of its request is cut off at the deadline', async () => {
    const silent = request(`${deployment.url}/`, {
      method: 'POST',
      headers: {
        ...bearer(deployment.key),
        'Content-Type': 'multipart/form-data; boundary=x',
        'Content-Length': 1_000,
      },
    });
    silent.on('error', () => undefined);
    silent.write('--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\nabc');
    await eventually(async () => (await backend.storedFiles()).length === 1);
    await backend.stopBackend(200);
    expect(await backend.storedFiles()).toStrictEqual([]);
    silent.destroy();
  });

  it('it says that it is not ready', async () => {
    const socket = connect(backend.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write('GET /ready HTTP/1.1\r\nHost: h\r\n');
    const stopped = backend.stopBackend(5_000);
    socket.write('\r\n');
    const [reply] = (await once(socket, 'data')) as [Buffer];
    expect(reply.toString()).toContain('503');
    socket.destroy();
    await stopped;
  });
});

it('a request that waits on one backend hears of an end that came about through another', async () => {
  const other = await startBackend(postgres, {}, backend);
  await other.worker();
  const { status, body } = await post(deployment, [textFile('a.txt')], { timeout: '60' });
  expect([status, body.message.execution_status]).toStrictEqual([200, 'COMPLETED']);
  await other.stop();
});
