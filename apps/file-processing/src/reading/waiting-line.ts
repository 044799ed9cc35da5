import type { ReadingResult } from './messages.ts';
import { abortedError } from './reading-error.ts';
import type { ThreadJob } from './reading-thread.ts';

/** A job at the head of the line, and how its caller hears of the end. */
interface TakenJob {
  readonly job: ThreadJob;
  readonly resolve: (result: Promise<ReadingResult>) => void;
}

/** Jobs that no thread has taken yet, in their order. One that is aborted leaves the line. */
export interface WaitingLine {
  readonly size: () => number;
  readonly add: (job: ThreadJob) => Promise<ReadingResult>;
  readonly take: () => TakenJob | undefined;
  readonly failAll: (error: unknown) => void;
}

interface Waiting extends TakenJob {
  readonly reject: (error: unknown) => void;
  /** Ends the watch over the signal. */
  readonly leave: () => void;
}

export function createWaitingLine(): WaitingLine {
  const waiting = new Set<Waiting>();

  const add: WaitingLine['add'] = (job) =>
    new Promise((resolve, reject) => {
      const onAbort = () => {
        waiting.delete(entry);
        reject(abortedError(job.signal));
      };
      const leave = () => job.signal?.removeEventListener('abort', onAbort);
      const entry: Waiting = { job, resolve, reject, leave };
      job.signal?.addEventListener('abort', onAbort, { once: true });
      waiting.add(entry);
    });

  const take = () => {
    const [first] = waiting;
    if (first === undefined) return undefined;
    waiting.delete(first);
    first.leave();
    return first;
  };

  const failAll = (error: unknown) => {
    for (const { leave, reject } of waiting) {
      leave();
      reject(error);
    }
    waiting.clear();
  };

  return { size: () => waiting.size, add, take, failAll };
}
