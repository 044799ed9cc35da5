import { Worker } from 'node:worker_threads';
import { createBeat } from './beat.ts';
import type { FromThread, HeartbeatData, HeartbeatThreadData, ToThread } from './heartbeat-messages.ts';
import { PULSE, PULSE_CELLS } from './heartbeat-messages.ts';
import type { ReplaceableHealth } from './health-behind-front.ts';
import { standBehindFront } from './health-behind-front.ts';

export interface HeartbeatOptions {
  worker: string;
  /** INTERNAL_API_BASE_URL. */
  baseUrl: string;
  serviceKey: string;
  /** Slots there are to begin with. */
  concurrency: number;
  /**
   * Where it runs. `thread`: its own, which goes on however busy the main loop is, and costs 10 to 15 MiB. `loop`: the main loop, for
   * workers whose handlers never hold it up; one that does nevertheless gets the thread from then on.
   */
  where: 'thread' | 'loop';
  /** Whose port the thread answers at, where there is one: who asks there hears of a main loop that stands still. */
  health?: ReplaceableHealth | undefined;
  onMessage: (message: FromThread) => void;
  /** The main loop stood still for so long, milliseconds, although it should not: there is a thread now. */
  onMove?: (heldUpMs: number) => void;
  /** The thread is gone, and with it the proof that this process lives. */
  onDeath: (error: unknown) => void;
}

/** What a heartbeat says of this process. */
export interface Pulse {
  /** Slots in use. */
  readonly active: number;
  /** Slots there are at the moment. */
  readonly concurrency: number;
  /** Slots there can be: with fewer, and all of them in use, it matters at once whether more work waits. */
  readonly mostConcurrency: number;
  /** Monotonic milliseconds. */
  readonly hardDeadline: number | undefined;
  readonly draining: boolean;
}

/** Renews the session. */
export interface Heartbeat {
  /** Renews this session from now on. */
  follow(session: { id: string; busyMs: number; idleMs: number }): void;
  /** Renews none. */
  rest(): void;
  /** What the next heartbeats say. */
  tell(pulse: Pulse): void;
  /** Resolves when its thread answers at the health port; undefined: it began with none that does. */
  readonly atPort: Promise<void> | undefined;
  stop(): Promise<void>;
}

const TICK_MS = 250;
/** Between two turns of a main loop that nobody holds up. A session lapses after five times as long. */
const HELD_UP_MS = 3_000;

/** Where the beat runs. */
interface Carrier {
  post(message: ToThread): void;
  stop(): Promise<unknown>;
  readonly atPort?: Promise<void> | undefined;
}

/** It renews nothing until it is told to. */
export function startHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { worker, baseUrl, serviceKey, onMove } = options;
  const pulse = new SharedArrayBuffer(PULSE_CELLS * BigInt64Array.BYTES_PER_ELEMENT);
  const cells = new BigInt64Array(pulse);
  const data: HeartbeatData = { worker, baseUrl: baseUrl.replace(/\/+$/, ''), serviceKey, pulse };
  let carrier = options.where === 'thread' ? inThread(data, options) : onLoop(data, options);
  let isOnLoop = options.where === 'loop';
  let followed: Extract<ToThread, { type: 'session' }> | undefined;
  let before: Pulse | undefined;
  let tickedAt = performance.now();

  const post = (message: ToThread): void => carrier.post(message);
  const tick = (): void => {
    Atomics.store(cells, PULSE.tick, process.hrtime.bigint());
    const heldUpMs = performance.now() - tickedAt;
    tickedAt += heldUpMs;
    if (isOnLoop && heldUpMs > HELD_UP_MS) move(heldUpMs);
  };
  const move = (heldUpMs: number): void => {
    isOnLoop = false;
    void carrier.stop();
    carrier = inThread(data, options);
    if (followed !== undefined) post(followed);
    onMove?.(heldUpMs);
  };
  tick();
  Atomics.store(cells, PULSE.concurrency, BigInt(options.concurrency));
  const ticking = setInterval(tick, TICK_MS);
  return {
    atPort: carrier.atPort,
    follow: (session) => post((followed = { type: 'session', ...session })),
    rest: () => {
      followed = undefined;
      post({ type: 'rest' });
    },
    tell: (pulse) => {
      const { active, concurrency, hardDeadline, draining } = pulse;
      Atomics.store(cells, PULSE.active, BigInt(active));
      Atomics.store(cells, PULSE.concurrency, BigInt(concurrency));
      Atomics.store(cells, PULSE.hardDeadline, hardDeadline === undefined ? 0n : nanosecondsAt(hardDeadline));
      Atomics.store(cells, PULSE.draining, draining ? 1n : 0n);
      if (isNews(before, pulse)) post({ type: 'hurry' });
      // Waking the thread can wait until what began it is on its way.
      else if (active > 0 && (before?.active ?? 0) === 0) setImmediate(() => post({ type: 'soon' }));
      before = pulse;
    },
    stop: async () => {
      isOnLoop = false;
      clearInterval(ticking);
      await carrier.stop();
    },
  };
}

function onLoop(data: HeartbeatData, { onMessage }: HeartbeatOptions): Carrier {
  const beat = createBeat({ ...data, tell: onMessage });
  return { post: beat.hear, stop: async () => beat.end() };
}

function inThread(data: HeartbeatData, options: HeartbeatOptions): Carrier {
  const { onMessage, onDeath } = options;
  const health = options.health && standBehindFront(options.health);
  const workerData: HeartbeatThreadData = { ...data, health: health?.ofThread };
  const transferList = health === undefined ? [] : [health.ofThread];
  const thread = new Worker(entryUrl(), { name: 'heartbeat', workerData, transferList });
  let stopped = false;
  thread.on('message', onMessage);
  thread.on('error', onDeath);
  thread.on('exit', (code) => {
    if (!stopped) onDeath(new Error(`The heartbeat thread ended with code ${code}`));
  });
  return {
    atPort: health?.done,
    post: (message) => thread.postMessage(message),
    stop: () => {
      stopped = true;
      return thread.terminate();
    },
  };
}

/** Whether the backend is to hear, or to be asked, before the next heartbeat is due. */
function isNews(before: Pulse | undefined, now: Pulse): boolean {
  const startsDraining = now.draining && before?.draining !== true;
  const hasOtherSlots = before !== undefined && before.concurrency !== now.concurrency;
  return startsDraining || hasOtherSlots || (isTight(now) && !(before && isTight(before)));
}

function isTight({ active, concurrency, mostConcurrency }: Pulse): boolean {
  return active >= concurrency && concurrency < mostConcurrency;
}

/** From the clock of `performance.now()` to that of `process.hrtime`, which all threads share. */
function nanosecondsAt(monotonicMs: number): bigint {
  return process.hrtime.bigint() + BigInt(Math.round((monotonicMs - performance.now()) * 1e6));
}

/** `.ts` as in development, `.js` beside the bundle in production. */
function entryUrl(): URL {
  const name = import.meta.url.endsWith('.ts') ? './heartbeat-thread.ts' : './heartbeat-thread.js';
  return new URL(name, import.meta.url);
}
