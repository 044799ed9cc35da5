import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { startFaultProxy } from './fault-proxy.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** An echo behind a proxy, and a client of it; `heard` is what the server got. */
async function setup() {
  const heard: string[] = [];
  const server = createServer((socket) => {
    socket.on('data', (chunk) => {
      heard.push(chunk.toString());
      socket.write(chunk);
    });
    socket.on('error', () => undefined);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => new Promise((resolve) => server.close(resolve)));
  const proxy = await startFaultProxy((server.address() as AddressInfo).port);
  ends.push(() => proxy.stop());
  const client = async (): Promise<Socket> => {
    const socket = connect(proxy.port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  };
  return { proxy, client, heard };
}

async function echo(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  return chunk.toString();
}

describe('the fault proxy', () => {
  it('lets pass, and says the address that leads through it', async () => {
    const { proxy, client } = await setup();
    expect(await echo(await client(), 'a')).toBe('a');
    expect(proxy.through('postgres://u:p@db:5432/x')).toBe(`postgres://u:p@127.0.0.1:${proxy.port}/x`);
  });

  it('holds everything without closing anything, and lets it through later', async () => {
    const { proxy, client, heard } = await setup();
    const socket = await client();
    await echo(socket, 'a');
    proxy.hold('everything');
    socket.write('b');
    const late = await client();
    late.write('c');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(heard).toEqual(['a']);
    expect(proxy.open()).toBe(2);
    proxy.hold('nothing');
    await Promise.all([once(socket, 'data'), once(late, 'data')]);
    expect(heard.sort()).toEqual(['a', 'b', 'c']);
  });

  it('holds answers alone: the question arrives', async () => {
    const { proxy, client, heard } = await setup();
    const socket = await client();
    proxy.hold('answers');
    socket.write('a');
    while (heard.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    let answered = false;
    socket.once('data', () => (answered = true));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(answered).toBe(false);
    proxy.hold('nothing');
    if (!answered) await once(socket, 'data');
  });

  it('delays, cuts and refuses', async () => {
    const { proxy, client } = await setup();
    const socket = await client();
    proxy.delay(50);
    const sentAt = performance.now();
    await echo(socket, 'a');
    expect(performance.now() - sentAt).toBeGreaterThan(95);
    proxy.refuse(true);
    proxy.cut();
    await once(socket, 'close');
    const refused = await client();
    refused.resume();
    await once(refused, 'close');
    proxy.refuse(false);
    proxy.delay(0);
    expect(await echo(await client(), 'b')).toBe('b');
  });
});
