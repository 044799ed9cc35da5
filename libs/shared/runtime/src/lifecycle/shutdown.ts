import type { Logger } from '../logger/logger.ts';
import type { StopSteps } from './stop-steps.ts';
import { ShutdownTimeoutError } from './stop-steps.ts';

export interface ShutdownOptions {
  steps: StopSteps;
  logger: Logger;
  /** When the deadline signal aborts. */
  graceMs: number;
  /** How long after that the process may still be there. */
  handBackMs: number;
  /** Settles when the start of the process did: nothing is taken down while it is being put up. */
  started: Promise<unknown>;
  /** Resolves when there is to be no order any more; nothing is waited for then. */
  forced: Promise<void>;
}

const START = 'start';

/**
 * Runs the stop steps on one deadline. At `graceMs` its signal aborts, and what is left has `handBackMs` to be given
 * back. Resolves to whether all came to its end, at the latest when both are over.
 */
export async function shutDown(options: ShutdownOptions): Promise<boolean> {
  const { steps, logger, graceMs, handBackMs, started, forced } = options;
  const deadline = new AbortController();
  const { promise: tooLate, resolve: giveUp } = Promise.withResolvers<'too late'>();
  let starting = true;
  const timers = [
    setTimeout(() => deadline.abort(new DOMException('The time to stop is over', 'TimeoutError')), graceMs),
    setTimeout(() => giveUp('too late'), graceMs + handBackMs),
  ];
  const orderly = async (): Promise<boolean> => {
    await settledOrAborted(started, deadline.signal);
    starting = false;
    return steps.run(deadline.signal);
  };
  const outcome = await Promise.race([orderly(), tooLate, forced.then(() => false)]);
  timers.forEach(clearTimeout);
  if (outcome !== 'too late') return outcome;
  const hung = starting ? START : (steps.current ?? START);
  logger.error('stop took too long', {
    error: new ShutdownTimeoutError(hung, graceMs + handBackMs),
    step: hung,
  });
  return false;
}

async function settledOrAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  await Promise.race([promise.then(() => undefined), aborted]);
}
