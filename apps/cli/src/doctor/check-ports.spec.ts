import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { freePort } from '@longshore/testing';
import { checkPorts, explicitHealthPorts } from './check-ports.ts';

const HOST = '127.0.0.1';
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function portOf(server: Server): Promise<number> {
  server.listen(0, HOST);
  await once(server, 'listening');
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
}

describe('of the ports the doctor', () => {
  it('takes those of the workers that settings insist on', () => {
    const env = {
      GENERAL_HEALTH_PORT: '9000',
      CALLBACK_HEALTH_PORT: '9001+',
      FILE_PROCESSING_HEALTH_PORT: '0',
    };
    expect(explicitHealthPorts(env)).toEqual([{ variable: 'GENERAL_HEALTH_PORT', port: 9000 }]);
  });

  it('has nothing to say of one that is free', async () => {
    const healthPorts = [{ variable: 'GENERAL_HEALTH_PORT', port: await freePort() }];
    expect(await checkPorts(HOST, 0, healthPorts)).toMatchObject([{ state: 'ok', check: 'port' }]);
  });

  it('finds one wrong that another program has, and names the setting', async () => {
    const port = await portOf(createHttpServer((_request, response) => void response.end('hello')));
    expect(await checkPorts(HOST, 0, [{ variable: 'GENERAL_HEALTH_PORT', port }])).toMatchObject([
      { state: 'ok' },
      {
        state: 'wrong',
        found: `Port ${port} of ${HOST} is in use by another program`,
        mend: 'Stop that one, or choose another port with GENERAL_HEALTH_PORT.',
      },
    ]);
  });

  it('notes one that a worker of ours has', async () => {
    const health = JSON.stringify({ status: 'healthy', worker: 'general', reasons: [] });
    const port = await portOf(
      createHttpServer((_request, response) => void response.setHeader('Connection', 'close').end(health)),
    );
    const found = await checkPorts(HOST, 0, [{ variable: 'GENERAL_HEALTH_PORT', port }]);
    expect(found.slice(1)).toMatchObject([
      { state: 'note', found: expect.stringContaining('held by a general worker') },
    ]);
  });

  it('finds settings wrong that name the same port', async () => {
    const port = await freePort();
    const healthPorts = [{ variable: 'GENERAL_HEALTH_PORT', port }];
    expect((await checkPorts(HOST, port, healthPorts)).at(-1)).toMatchObject({
      state: 'wrong',
      found: `PORT and GENERAL_HEALTH_PORT name the same port, ${port}`,
    });
  });

  it('says once that the machine lacks the address', async () => {
    const healthPorts = [{ variable: 'GENERAL_HEALTH_PORT', port: await freePort() }];
    expect(await checkPorts('192.0.2.1', 0, healthPorts)).toMatchObject([
      { state: 'wrong', mend: 'Correct HOST.' },
    ]);
  });
});
