import { WaitingError } from 'bullmq';
import type { DispatchMessage } from '@longshore/contracts';
import { dispatchMessageSchema } from '@longshore/contracts';
import type { Logger } from '@longshore/runtime';
import type { DispatchProcessor, DispatchWorker } from './backend.ts';
import { stopRenewingLocks } from './backend.ts';
import { brokerAddress } from './broker-url.ts';
import { brokerErrorLog } from './error-log.ts';
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
  /** False from the moment the connection is known to be gone until it is back. */
  readonly connected: boolean;
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
  const { brokerUrl, brokerQueue, concurrency, logger, handle } = options;
  const address = brokerAddress(brokerUrl);
  const onError = brokerErrorLog(logger, address);
  const backend = openBackend({ address, role: 'consumer', onError });
  let worker: DispatchWorker | undefined;
  let slots = concurrency;
  let paused = false;
  let active = 0;
  let lastMessageAt: number | undefined;
  let closing: Promise<void> | undefined;
  const { promise: abandoned, reject: abandon } = Promise.withResolvers<never>();
  abandoned.catch(() => undefined);

  const deliver: DispatchProcessor = async (job, token) => {
    if (paused) {
      // It was on its way when we paused; another process shall have it at once.
      await job.moveToWait(token);
      throw new WaitingError();
    }
    lastMessageAt = performance.now();
    const { success, data, error } = dispatchMessageSchema.safeParse(job.data);
    if (!success) {
      logger.error('message dropped: not a dispatch', { broker_queue: brokerQueue, job_id: job.id, error });
      return;
    }
    active += 1;
    const handled = handle(data, job.id ?? '')
      .catch((failure: unknown) => {
        logger.error('dispatch handler failed', { dispatch_id: data.dispatch_id, error: failure });
      })
      .finally(() => (active -= 1));
    await Promise.race([handled, abandoned]);
  };
  const pause = (): void => {
    paused = true;
    worker?.pause(true).catch(onError);
  };
  const close = async (deadline: AbortSignal): Promise<void> => {
    pause();
    const closed = worker?.close() ?? Promise.resolve();
    await settledBy(closed, deadline);
    if (worker !== undefined) stopRenewingLocks(worker);
    // BullMQ waits for its handlers without end: one that waits for the message to be moved elsewhere is let go.
    abandon(new WaitingError());
    await settledBy(closed, AbortSignal.timeout(LAST_WORDS_MS));
    backend.destroy();
  };

  return {
    start: async () => {
      await backend.probe();
      const ready = backend.worker(brokerQueue, deliver, slots);
      try {
        await ready.waitUntilReady();
      } catch (error) {
        await ready.close();
        throw error;
      }
      worker = ready;
      worker.concurrency = slots;
      if (paused) await worker.pause(true);
      else worker.run().catch(onError);
    },
    pause,
    setConcurrency: (wanted) => {
      const raised = wanted > slots;
      slots = wanted;
      if (worker === undefined) return;
      worker.concurrency = wanted;
      // A worker with all slots busy looks again only when one frees; pausing and resuming wakes it.
      if (raised && !paused) wake(worker).catch(onError);
    },
    state: () => ({ connected: backend.connected(), active, lastMessageAt }),
    close: (deadline) => (closing ??= close(deadline)),
  };
}

async function wake(worker: DispatchWorker): Promise<void> {
  await worker.pause(true);
  await worker.resume();
}
