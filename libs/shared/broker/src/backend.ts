import type { Job, Queue, Worker } from 'bullmq';
import type { DispatchMessage } from '@longshore/contracts';
import type { BrokerAddress } from './broker-url.ts';

type AnyQueue = Queue<DispatchMessage, void>;
type AnyWorker = Worker<DispatchMessage, void>;

/** The part of a BullMQ queue that a publisher needs, whichever backend is below it. */
export interface DispatchQueue extends Pick<AnyQueue, 'getJobState' | 'close'> {
  addBulk(jobs: Parameters<AnyQueue['addBulk']>[0]): Promise<unknown>;
  setMeta(values: Record<string, string | number>): Promise<unknown>;
  /** Null where there is none. */
  getMeta(field: string): Promise<string | null>;
}

/** The part of a BullMQ worker that a consumer needs. */
export type DispatchWorker = Pick<
  AnyWorker,
  'run' | 'pause' | 'resume' | 'close' | 'waitUntilReady' | 'concurrency'
>;

export type DispatchJob = Pick<Job<DispatchMessage>, 'id' | 'data' | 'moveToWait'>;
export type DispatchProcessor = (job: DispatchJob, token?: string) => Promise<void>;

/** What differs between Redis and PostgreSQL below BullMQ. Publisher and consumer are written against this alone. */
export interface BrokerBackend {
  /** A queue to publish to; it shares this backend's connections. */
  queue(name: string): DispatchQueue;
  /** A worker that does not run yet. */
  worker(name: string, processor: DispatchProcessor, concurrency: number): DispatchWorker;
  /** Resolves when the broker answers and is fit for use. @throws {BrokerConfigurationError} when it never will be. */
  probe(): Promise<void>;
  /** False from the moment the connection is known to be gone until it is back. */
  connected(): boolean;
  /** How often a connection was made: more than before when one that was lost is back. */
  connections(): number;
  /** Cuts all connections. Returns at once. */
  destroy(): void;
}

/** There is no connection; what was said of the attempts tells why. */
export class NotConnectedError extends Error {
  override readonly name = 'NotConnectedError';

  constructor(shown: string, tls: boolean) {
    super(`the broker at ${shown} ${tls ? 'made no TLS connection' : 'is not reachable'}`);
  }
}

export interface BackendOptions {
  address: BrokerAddress;
  /** A producer fails at once when the broker is away, a consumer waits for it. */
  role: 'producer' | 'consumer';
  /** Told of each trouble of a connection. */
  onError: (error: Error) => void;
}

/** Longer than any pause of a healthy event loop; what lost its lock is cleared away, never delivered again. */
const LOCK_MS = 60_000;

/**
 * Options of every worker. The broker decides nothing: a message whose process died fails without reaching a handler
 * (`maxStalledCount: 0`), which only clears it away. What is still due is published again from the database.
 */
export const WORKER_OPTIONS = Object.freeze({
  autorun: false,
  lockDuration: LOCK_MS,
  stalledInterval: LOCK_MS,
  maxStalledCount: 0,
  /** Seconds an idle worker waits before it asks again: well below {@link SOCKET_TIMEOUT_MS}. */
  drainDelay: 5,
  runRetryDelay: 1000,
});

/** A connection from which nothing came for so long after a question is given up. */
export const SOCKET_TIMEOUT_MS = 15_000;

/** A producer gives up a question after this time. */
export const PRODUCER_TIMEOUT_MS = 5_000;

/** BullMQ renews locks until all its handlers have ended. Past the deadline nobody waits for them. */
export function stopRenewingLocks(worker: DispatchWorker): void {
  void (worker as AnyWorker)['lockManager'].close();
}
