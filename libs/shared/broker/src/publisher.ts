import type { DispatchMessage } from '@longshore/contracts';
import type { Logger } from '@longshore/runtime';
import type { DispatchQueue } from './backend.ts';
import { brokerAddress } from './broker-url.ts';
import { brokerErrorLog } from './error-log.ts';
import { openBackend, settledBy } from './open-backend.ts';
import { createEmptyings } from './emptyings.ts';
import { MARK_QUEUE, writeMark } from './platform-mark.ts';
import { explained } from './trouble.ts';

/** One message with its id in the broker. A second one of the same id is ignored while the first is there. */
export interface Publication {
  /** No `:`, not a bare integer. */
  readonly id: string;
  readonly message: DispatchMessage;
}

export interface Publisher {
  /** Hands the messages to the broker in one call, or rejects within seconds when it is away; some may be there then. */
  publish(brokerQueue: string, messages: readonly Publication[]): Promise<void>;
  /**
   * Whether the message still waits to be taken. One that was taken and never claimed is as good as lost: the claim
   * follows within milliseconds, so its process died in between.
   */
  isWaiting(brokerQueue: string, jobId: string): Promise<boolean>;
  /**
   * How often the broker may have lost what it had, as far as can be told: it was connected to anew, or found empty. More than before:
   * whatever is out may be gone. Rejects within seconds when it is away.
   */
  disturbances(): Promise<number>;
  /**
   * Marks the broker as that of the platform with this mark, so that workers can tell it from others. Resolves with the mark that it had;
   * null when it had none. Rejects within seconds when it is away.
   */
  mark(platform: string): Promise<string | null>;
  /** Resolves when the broker answers and is fit for use. @throws {BrokerConfigurationError} */
  ping(): Promise<void>;
  /** Closes the connections, at the latest when the signal aborts. */
  close(deadline: AbortSignal): Promise<void>;
}

/** Tried once, gone when done: the broker delivers, the database knows. */
const JOB_OPTIONS = Object.freeze({
  attempts: 1,
  removeOnComplete: true,
  removeOnFail: true,
  stackTraceLimit: 0,
});

/** BullMQ writes events that nobody here reads. A broker that was emptied forgets this bound, so it is renewed. */
const META = Object.freeze({ 'opts.maxLenEvents': 100 });
const META_EVERY_MS = 60_000;

/** Puts dispatches into the broker. One connection (Redis) or one pool of two (PostgreSQL) for all queues. */
export function createPublisher(options: { brokerUrl: string; logger: Logger }): Publisher {
  const address = brokerAddress(options.brokerUrl);
  const onError = brokerErrorLog(options.logger, address);
  const backend = openBackend({ address, role: 'producer', onError });
  const queues = new Map<string, { queue: DispatchQueue; metaAt: number }>();

  const entry = (name: string): { queue: DispatchQueue; metaAt: number } => {
    const known = queues.get(name) ?? { queue: backend.queue(name), metaAt: -Infinity };
    queues.set(name, known);
    return known;
  };
  /** A queue that was made while the broker was away can stay broken for good; the next call makes a new one. */
  const forgetting = async <T>(name: string, work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      const broken = queues.get(name);
      queues.delete(name);
      broken?.queue.close().catch(onError);
      throw explained(error as Error, address);
    }
  };
  const publish = async (name: string, messages: readonly Publication[]): Promise<void> => {
    if (messages.length === 0) return;
    const target = entry(name);
    await target.queue.addBulk(
      messages.map(({ id, message }) => ({
        name: 'dispatch',
        data: message,
        opts: { ...JOB_OPTIONS, jobId: id },
      })),
    );
    if (performance.now() - target.metaAt < META_EVERY_MS) return;
    target.metaAt = performance.now();
    target.queue.setMeta(META).catch(onError);
  };
  const emptyings = createEmptyings();
  const isWaiting = async (name: string, jobId: string): Promise<boolean> => {
    const state = await entry(name).queue.getJobState(jobId);
    return state !== 'active' && state !== 'unknown';
  };
  return {
    publish: (name, messages) => forgetting(name, publish(name, messages)),
    isWaiting: (name, jobId) => forgetting(name, isWaiting(name, jobId)),
    mark: (platform) => forgetting(MARK_QUEUE, writeMark(entry(MARK_QUEUE).queue, platform)),
    disturbances: async () => {
      const emptied = await forgetting(MARK_QUEUE, emptyings.look(entry(MARK_QUEUE).queue));
      return backend.connections() + emptied;
    },
    ping: () => backend.probe(),
    close: async (deadline) => {
      await settledBy(Promise.allSettled([...queues.values()].map(({ queue }) => queue.close())), deadline);
      backend.destroy();
    },
  };
}
