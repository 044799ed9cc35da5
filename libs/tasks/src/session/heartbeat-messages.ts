import type { MessagePort } from 'node:worker_threads';
import type { HeartbeatResponse } from '@longshore/contracts';

/** What renews a session has to know. */
export interface HeartbeatData {
  /** Who writes, in its log lines. */
  readonly worker: string;
  /** INTERNAL_API_BASE_URL without a slash at its end. */
  readonly baseUrl: string;
  readonly serviceKey: string;
  /** See {@link PULSE}. */
  readonly pulse: SharedArrayBuffer;
}

/** What its thread has to know besides. */
export interface HeartbeatThreadData extends HeartbeatData {
  /** Over which the main loop is asked for what it says at the health port; undefined: it answers there itself. */
  readonly health: MessagePort | undefined;
}

/** Cells of 64 bits that the main thread writes and the heartbeat thread reads. Times are `process.hrtime`, nanoseconds. */
export const PULSE = Object.freeze({
  /** When the main loop last turned. */
  tick: 0,
  /** When the first active run reaches its hard limit; 0 = none is active. */
  hardDeadline: 1,
  /** Slots in use. */
  active: 2,
  /** 1 = takes nothing new. */
  draining: 3,
  /** Slots there are. */
  concurrency: 4,
});
export const PULSE_CELLS = 5;

/** How long ago the main loop turned, whole milliseconds. */
export function loopAgeMsIn(cells: BigInt64Array<SharedArrayBuffer>): number {
  const age = process.hrtime.bigint() - Atomics.load(cells, PULSE.tick);
  return age > 0n ? Number(age / 1_000_000n) : 0;
}

/** Slots in use. */
export function activeIn(cells: BigInt64Array<SharedArrayBuffer>): number {
  return Number(Atomics.load(cells, PULSE.active));
}

export type ToThread =
  | { readonly type: 'session'; readonly id: string; readonly busyMs: number; readonly idleMs: number }
  /** No session any more. */
  | { readonly type: 'rest' }
  /** There is news since just now: do not wait for the end of the idle pause. */
  | { readonly type: 'hurry' }
  /** Work has begun: the idle pause ends when the busy one would. */
  | { readonly type: 'soon' };

export type FromThread =
  | ({ readonly type: 'answer'; readonly sessionId: string } & HeartbeatResponse)
  /** The backend answered with an error (its status), or not at all (null). */
  | {
      readonly type: 'trouble';
      readonly sessionId: string;
      readonly status: number | null;
      readonly reason: string;
    };
