import { Worker } from 'node:worker_threads';
import type { FromThread, HeartbeatThreadData, ToThread } from './heartbeat-messages.ts';
import { PULSE, PULSE_CELLS } from './heartbeat-messages.ts';

export interface HeartbeatOptions {
  worker: string;
  /** INTERNAL_API_BASE_URL. */
  baseUrl: string;
  serviceKey: string;
  /** Slots there are to begin with. */
  concurrency: number;
  onMessage: (message: FromThread) => void;
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

/** Renews the session from a thread of its own. */
export interface Heartbeat {
  /** Renews this session from now on. */
  follow(session: { id: string; busyMs: number; idleMs: number }): void;
  /** Renews none. */
  rest(): void;
  /** What the next heartbeats say. */
  tell(pulse: Pulse): void;
  stop(): Promise<void>;
}

const TICK_MS = 250;

/** Starts the thread. It renews nothing until it is told to. */
export function startHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { worker, baseUrl, serviceKey, onMessage, onDeath } = options;
  const pulse = new SharedArrayBuffer(PULSE_CELLS * BigInt64Array.BYTES_PER_ELEMENT);
  const cells = new BigInt64Array(pulse);
  const workerData: HeartbeatThreadData = { worker, baseUrl: baseUrl.replace(/\/+$/, ''), serviceKey, pulse };
  const thread = new Worker(entryUrl(), { name: 'heartbeat', workerData });
  const post = (message: ToThread): void => thread.postMessage(message);
  const tick = (): void => void Atomics.store(cells, PULSE.tick, process.hrtime.bigint());
  let stopped = false;
  let before: Pulse | undefined;

  tick();
  Atomics.store(cells, PULSE.concurrency, BigInt(options.concurrency));
  const ticking = setInterval(tick, TICK_MS);
  thread.on('message', onMessage);
  thread.on('error', onDeath);
  thread.on('exit', (code) => {
    if (!stopped) onDeath(new Error(`The heartbeat thread ended with code ${code}`));
  });
  return {
    follow: (session) => post({ type: 'session', ...session }),
    rest: () => post({ type: 'rest' }),
    tell: (pulse) => {
      const { active, concurrency, hardDeadline, draining } = pulse;
      Atomics.store(cells, PULSE.active, BigInt(active));
      Atomics.store(cells, PULSE.concurrency, BigInt(concurrency));
      Atomics.store(cells, PULSE.hardDeadline, hardDeadline === undefined ? 0n : nanosecondsAt(hardDeadline));
      Atomics.store(cells, PULSE.draining, draining ? 1n : 0n);
      if (isNews(before, pulse)) post({ type: 'hurry' });
      before = pulse;
    },
    stop: async () => {
      stopped = true;
      clearInterval(ticking);
      await thread.terminate();
    },
  };
}

/** Whether the backend is to hear, or to be asked, before the next heartbeat is due. */
function isNews(before: Pulse | undefined, now: Pulse): boolean {
  const startsWork = now.active > 0 && (before?.active ?? 0) === 0;
  const startsDraining = now.draining && before?.draining !== true;
  const hasOtherSlots = before !== undefined && before.concurrency !== now.concurrency;
  return startsWork || startsDraining || hasOtherSlots || (isTight(now) && !(before && isTight(before)));
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
