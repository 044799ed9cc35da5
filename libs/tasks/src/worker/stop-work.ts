import type { Consumer } from '@longshore/broker';
import type { Runner } from '../execution/runner.ts';

const CLOSE_WITHIN_MS = 1_000;

export interface Work {
  readonly runner?: Runner;
  readonly consumer?: Consumer;
  readonly hardLimit?: boolean;
}

/** Takes nothing new, and ends what is under way: until the deadline by waiting for it, then by giving it back. */
export async function stopWork({ runner, consumer, hardLimit }: Work, deadline: AbortSignal): Promise<void> {
  consumer?.pause();
  // A handler that cannot be stopped has had its time; the others shall not wait for a restart that is needed now.
  await runner?.stop(hardLimit === true ? AbortSignal.abort() : deadline);
  await consumer?.close(AbortSignal.timeout(CLOSE_WITHIN_MS));
}

/** The deadline has often passed when goodbye is said; that still deserves a moment. */
export function lasting(deadline: AbortSignal): AbortSignal {
  return deadline.aborted ? AbortSignal.timeout(CLOSE_WITHIN_MS) : deadline;
}
