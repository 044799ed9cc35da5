import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { startProxy } from './proxy.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Answers each piece of data with its name before it. */
async function startBackend(name: string): Promise<{ port: number; server: Server }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    socket.on('data', (data: Buffer) => socket.write(`${name}:${data.toString()}`));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(async () => {
    const closed = server.listening ? once(server, 'close') : undefined;
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  return { port: (server.address() as AddressInfo).port, server };
}

async function setup() {
  const [one, two] = [await startBackend('one'), await startBackend('two')];
  const proxy = await startProxy([one.port, two.port]);
  cleanups.push(() => proxy.stop());
  const dial = async (): Promise<Socket> => {
    const socket = connect(proxy.port, '127.0.0.1').on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    cleanups.push(() => closed);
    cleanups.push(() => socket.destroy());
    await once(socket, 'connect');
    return socket;
  };
  const ask = async (socket: Socket, text: string): Promise<string> => {
    socket.write(text);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return answer.toString();
  };
  return { one, two, proxy, dial, ask };
}

/** How many this process has: those of other specs in it, which may be kept alive for a while, are among them. */
const connections = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

/** How many it has when none has closed for a while: those of earlier tests are gone. */
async function usualConnections(): Promise<number> {
  let least = connections();
  for (let quiet = 0; quiet < 30; quiet += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    if (connections() < least) quiet = 0;
    least = Math.min(least, connections());
  }
  return least;
}

/** How many it has once those that are being closed are, and no more than so many are left. */
async function connectionsLeft(usual: number): Promise<number> {
  for (let turn = 0; connections() > usual && turn < 1_000; turn += 1)
    await new Promise((resolve) => setTimeout(resolve, 10));
  return connections();
}

describe('a wire that can be broken', () => {
  it('leads to the backends in turn', async () => {
    const { dial, ask } = await setup();
    const answers = [
      await ask(await dial(), 'x'),
      await ask(await dial(), 'x'),
      await ask(await dial(), 'x'),
    ];
    expect(new Set(answers)).toEqual(new Set(['one:x', 'two:x']));
    expect(answers[0]).toBe(answers[2]);
  });

  it('passes over a backend that is away', async () => {
    const { one, dial, ask } = await setup();
    one.server.close();
    await once(one.server, 'close');
    expect([await ask(await dial(), 'x'), await ask(await dial(), 'x')]).toEqual(['two:x', 'two:x']);
  });

  it('cuts what is connected and takes new connections', async () => {
    const { proxy, dial, ask } = await setup();
    const socket = await dial();
    await ask(socket, 'x');
    const closed = new Promise((resolve) => socket.once('close', resolve));
    proxy.cut();
    await closed;
    expect(await ask(await dial(), 'y')).toMatch(/:y$/);
  });

  it('leaves no connection behind that it cuts in the middle of its end', async () => {
    const usual = await usualConnections();
    const { proxy, dial, ask } = await setup();
    const socket = await dial();
    await ask(socket, 'x');
    proxy.blackhole();
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.end();
    await once(socket, 'finish');
    // Its end is at the proxy by now, which holds it back.
    await new Promise((resolve) => setTimeout(resolve, 50));
    proxy.heal();
    // In the turn in which the end is passed on, and so before it has gone out.
    for (let step = 0; step < 50; step += 1) await Promise.resolve();
    proxy.cut();
    await closed;
    expect(await connectionsLeft(usual)).toBeLessThanOrEqual(usual);
  });

  it('holds everything back in a blackhole, and lets it pass afterwards', async () => {
    const { proxy, dial, ask } = await setup();
    const [old, other] = [await dial(), await dial()];
    await ask(old, 'x');
    proxy.blackhole();
    const fresh = await dial();
    const answers = Promise.all([ask(old, 'a'), ask(fresh, 'b')]);
    let passed = false;
    void answers.then(() => (passed = true));
    // As long as a healthy wire takes for many answers.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(passed).toBe(false);
    proxy.heal();
    expect((await answers).map((answer) => answer.split(':')[1])).toEqual(['a', 'b']);
    expect(await ask(other, 'c')).toMatch(/:c$/);
  });

  it('delays what passes, in its order', async () => {
    const { proxy, dial } = await setup();
    const socket = await dial();
    proxy.delay(60);
    const since = performance.now();
    socket.write('a');
    await once(socket, 'data');
    expect(performance.now() - since).toBeGreaterThanOrEqual(115);
  });
});
