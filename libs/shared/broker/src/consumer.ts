import type { DispatchMessage } from '@longshore/contracts';
import type { Logger } from '@longshore/runtime';
import type { DispatchWorker } from './backend.ts';
import { stopRenewingLocks } from './backend.ts';
import { brokerAddress } from './broker-url.ts';
import { createDelivery } from './delivery.ts';
import { brokerErrorLog, recentComplaint } from './error-log.ts';
import { openBackend, settledBy } from './open-backend.ts';

export interface ConsumerOptions {
  brokerUrl: string;
  brokerQueue: string;
  /** Messages handled at once, at least 1. */
  concurrency: number;
  logger: Logger;
  /** The message counts as active until this settles, and is gone then, whichever way. */
  handle: (message: DispatchMessage, jobId: string) => Promise<void>;
}

export interface ConsumerState {
  /** Of the broker, without its password. */
  readonly address: string;
  /** False from the moment the connection is known to be gone until it is back. */
  readonly connected: boolean;
  /** What the broker complained about within the last half minute, in words, and what to do about it. */
  readonly trouble?: string | undefined;
  /** Messages that `handle` has now. */
  readonly active: number;
  /** Monotonic milliseconds (`performance.now()`) of the last message; undefined before the first. */
  readonly lastMessageAt: number | undefined;
}

export interface Consumer {
  /** Begins to take messages. Rejects when the broker is away (call it again) or unfit. @throws {BrokerConfigurationError} */
  start(): Promise<void>;
  /** Takes nothing new from now on. What is being handled goes on; what was on its way goes back. */
  pause(): void;
  setConcurrency(concurrency: number): void;
  state(): ConsumerState;
  /** Waits for what is being handled, closes the connections; at the latest when the signal aborts. */
  close(deadline: AbortSignal): Promise<void>;
}

/** For closing connections politely after the deadline. */
const LAST_WORDS_MS = 100;

/** Takes dispatches from the broker. Whether one is carried out is decided by the claim, never here. */
export function createConsumer(options: ConsumerOptions): Consumer {
  const { brokerUrl, brokerQueue, concurrency, logger } = options;
  const address = brokerAddress(brokerUrl);
  const log = brokerErrorLog(logger, address);
  const complaints = recentComplaint(address);
  const onError = (error: Error): void => {
    complaints.note(error);
    log(error);
  };
  const backend = openBackend({ address, role: 'consumer', onError });
  const delivery = createDelivery(options);
  let worker: DispatchWorker | undefined;
  let slots = concurrency;
  let closing: Promise<void> | undefined;

  const start = async (): Promise<void> => {
    await backend.probe();
    const ready = backend.worker(brokerQueue, delivery.deliver, slots);
    try {
      await ready.waitUntilReady();
    } catch (error) {
      await ready.close();
      throw error;
    }
    worker = ready;
    worker.concurrency = slots;
    if (delivery.paused) await worker.pause(true);
    else worker.run().catch(onError);
  };
  const pause = (): void => {
    delivery.pause();
    worker?.pause(true).catch(onError);
  };
  const setConcurrency = (wanted: number): void => {
    const raised = wanted > slots;
    slots = wanted;
    if (worker === undefined) return;
    worker.concurrency = wanted;
    // A worker with all slots busy looks again only when one frees; pausing and resuming wakes it.
    if (raised && !delivery.paused) wake(worker).catch(onError);
  };
  const close = async (deadline: AbortSignal): Promise<void> => {
    pause();
    const closed = worker?.close() ?? Promise.resolve();
    await settledBy(closed, deadline);
    if (worker !== undefined) stopRenewingLocks(worker);
    delivery.abandon();
    await settledBy(closed, AbortSignal.timeout(LAST_WORDS_MS));
    backend.destroy();
  };
  return {
    ...{ start, pause, setConcurrency },
    state: () => ({
      address: address.shown,
      connected: backend.connected(),
      trouble: complaints.recent(),
      ...delivery.state(),
    }),
    close: (deadline) => (closing ??= close(deadline)),
  };
}

async function wake(worker: DispatchWorker): Promise<void> {
  await worker.pause(true);
  await worker.resume();
}
