import { WaitingError } from 'bullmq';
import { dispatchMessageSchema } from '@longshore/contracts';
import type { DispatchProcessor } from './backend.ts';
import type { ConsumerOptions, ConsumerState } from './consumer.ts';

/** What happens to a message between the broker and its handler. */
export interface Delivery {
  readonly deliver: DispatchProcessor;
  readonly paused: boolean;
  /** Hands back what still comes. */
  pause(): void;
  /** Waits for no handler any more. Their messages are cleared away later, as those of a dead process are. */
  abandon(): void;
  state(): Pick<ConsumerState, 'active' | 'lastMessageAt'>;
}

export function createDelivery({
  brokerQueue,
  logger,
  handle,
}: Pick<ConsumerOptions, 'brokerQueue' | 'logger' | 'handle'>): Delivery {
  const { promise: abandoned, reject: abandon } = Promise.withResolvers<never>();
  abandoned.catch(() => undefined);
  let paused = false;
  let active = 0;
  let lastMessageAt: number | undefined;

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
  return {
    deliver,
    get paused() {
      return paused;
    },
    pause: () => {
      paused = true;
    },
    // The error with which BullMQ leaves a message to whoever moved it elsewhere.
    abandon: () => abandon(new WaitingError()),
    state: () => ({ active, lastMessageAt }),
  };
}
