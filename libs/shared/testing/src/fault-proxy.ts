import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { pipeline, Transform } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';

/** What does not pass at the moment. Held bytes are not lost: they go on when they may, as TCP would send them again. */
export type Held = 'nothing' | 'answers' | 'everything';

/** A TCP proxy on 127.0.0.1 in front of a server, for what networks do to connections. */
export interface FaultProxy {
  readonly port: number;
  /** The same address, but through this proxy. */
  through(url: string): string;
  /**
   * Lets nothing pass, or no answers, on connections of now and of later, without closing any: a frozen server, a
   * firewall that forgot them. A close does not pass either.
   */
  hold(what: Held): void;
  /** Each piece of data takes this long each way, ms; 0 at first. */
  delay(ms: number): void;
  /** Ends new connections as soon as they are made. */
  refuse(on: boolean): void;
  /** Ends all connections at once. */
  cut(): void;
  /** Connections that are open on the side of the clients. */
  open(): number;
  stop(): Promise<void>;
}

interface Faults {
  held: Held;
  delayMs: number;
  refusing: boolean;
  /** Fires with each change of what is held. */
  changed: PromiseWithResolvers<void>;
}

type Direction = 'question' | 'answer';

/** Starts a proxy in front of a port of 127.0.0.1; at first it lets everything pass. */
export async function startFaultProxy(targetPort: number): Promise<FaultProxy> {
  const faults: Faults = {
    held: 'nothing',
    delayMs: 0,
    refusing: false,
    changed: Promise.withResolvers(),
  };
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    if (faults.refusing) return void near.destroy();
    const far = connect(targetPort, '127.0.0.1');
    track(sockets, near, far);
    pipeline(near, valve(faults, 'question'), far, ignoreEnd);
    pipeline(far, valve(faults, 'answer'), near, ignoreEnd);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const cut = () => sockets.forEach((socket) => socket.destroy());

  return {
    port,
    through: (url) => Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(port) }).href,
    hold(what) {
      faults.held = what;
      faults.changed.resolve();
      faults.changed = Promise.withResolvers();
    },
    delay: (ms) => void (faults.delayMs = ms),
    refuse: (on) => void (faults.refusing = on),
    cut,
    open: () => [...sockets].filter((socket) => socket.localPort === port).length,
    async stop() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function track(sockets: Set<Socket>, ...pair: readonly Socket[]): void {
  for (const socket of pair) {
    socket.setNoDelay(true);
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  }
}

/** Passes data and its end on, when and as fast as the faults let it. */
function valve(faults: Faults, direction: Direction): Transform {
  return new Transform({
    transform(chunk, _encoding, done) {
      void passable(faults, direction).then(() => done(null, chunk));
    },
    flush(done) {
      void passable(faults, direction).then(() => done());
    },
  });
}

async function passable(faults: Faults, direction: Direction): Promise<void> {
  if (faults.delayMs > 0) await pause(faults.delayMs);
  while (faults.held === 'everything' || (faults.held === 'answers' && direction === 'answer'))
    await faults.changed.promise;
}

/** However a connection ends: those at its ends are told by their sockets. */
function ignoreEnd(): void {}
