import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { systemClock } from '@longshore/runtime';

/** A wire to some servers that can be broken. Connections go to the servers in turn. */
export interface BreakableProxy {
  readonly port: number;
  /** Breaks all connections; new ones can be made at once. */
  cut(): void;
  /** Until `heal` nothing passes in either direction, and what was sent arrives then. */
  blackhole(): void;
  /** Until `heal` everything arrives so much later, milliseconds. */
  delay(byMs: number): void;
  heal(): void;
  stop(): Promise<void>;
}

/** What each piece of data waits for before it is passed on. */
interface Wire {
  delayMs: number;
  open: Promise<void>;
}

/** Listens on a free port of 127.0.0.1. A backend that refuses a connection is passed over for the next. */
export async function startProxy(backendPorts: readonly number[]): Promise<BreakableProxy> {
  const wire: Wire = { delayMs: 0, open: Promise.resolve() };
  const sockets = new Set<Socket>();
  let release: () => void = () => undefined;
  let turn = 0;
  const server = createServer({ allowHalfOpen: true }, (client) => {
    watch(client, sockets);
    turn += 1;
    void join(client, { ports: rotated(backendPorts, turn), wire, sockets });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const heal = (): void => {
    wire.delayMs = 0;
    release();
  };
  const cut = (): void => {
    for (const socket of sockets) reset(socket);
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    blackhole: () => {
      const held = Promise.withResolvers<void>();
      wire.open = held.promise;
      release();
      release = held.resolve;
    },
    delay: (byMs) => {
      wire.delayMs = byMs;
    },
    heal,
    stop: async () => {
      heal();
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
    },
  };
}

/** One whose end is on its way cannot be reset: the attempt would leave it open without a word, and its process without an end. */
export function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

function watch(socket: Socket, sockets: Set<Socket>): void {
  sockets.add(socket);
  // A broken connection is what this is for; its end is told by 'close'.
  socket.on('error', () => undefined);
  socket.once('close', () => sockets.delete(socket));
  socket.setNoDelay(true);
}

function rotated(ports: readonly number[], turn: number): number[] {
  return ports.map((_port, index) => ports[(index + turn) % ports.length]!);
}

interface Joint {
  ports: readonly number[];
  wire: Wire;
  sockets: Set<Socket>;
}

async function join(client: Socket, { ports, wire, sockets }: Joint): Promise<void> {
  const backend = await connectFirst(ports);
  if (backend === undefined || client.destroyed) {
    client.destroy();
    backend?.destroy();
    return;
  }
  watch(backend, sockets);
  client.once('close', () => backend.destroy());
  backend.once('close', () => client.destroy());
  void pass(client, backend, wire);
  void pass(backend, client, wire);
}

async function connectFirst(ports: readonly number[]): Promise<Socket | undefined> {
  for (const port of ports) {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    try {
      await once(socket, 'connect');
      return socket;
    } catch {
      socket.destroy(); // Nobody listens: that backend is being started again.
    }
  }
  return undefined;
}

async function pass(from: Socket, to: Socket, wire: Wire): Promise<void> {
  try {
    for await (const chunk of from) {
      await clear(wire);
      if (!to.write(chunk as Buffer)) await once(to, 'drain');
    }
    await clear(wire);
    to.end();
  } catch {
    from.destroy();
    to.destroy();
  }
}

async function clear(wire: Wire): Promise<void> {
  if (wire.delayMs > 0) await systemClock.sleep(wire.delayMs);
  for (let open: Promise<void> | undefined; open !== wire.open;) {
    open = wire.open;
    await open;
  }
}
