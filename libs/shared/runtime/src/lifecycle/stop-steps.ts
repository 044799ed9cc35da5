import type { Logger } from '../logger/logger.ts';

/** Ends one part of the process. The signal aborts at the deadline: what is left is then to be given back at once. */
export type StopStep = (deadline: AbortSignal) => Promise<void> | void;

/** The deadline passed, and this step still had not come to its end. */
export class ShutdownTimeoutError extends Error {
  override readonly name = 'ShutdownTimeoutError';
  readonly step: string;

  constructor(step: string, waitedMs: number) {
    super(`"${step}" did not stop within ${waitedMs} ms`);
    this.step = step;
  }
}

export interface StopSteps {
  add(label: string, step: StopStep): void;
  /** Runs all steps, the last registered first, those added meanwhile too. Resolves to whether all went well. */
  run(deadline: AbortSignal): Promise<boolean>;
  /** The step that runs now. */
  readonly current: string | undefined;
}

/** The steps by which a process stops: what was started last, on top of the rest, stops first. */
export function createStopSteps(logger: Logger): StopSteps {
  const steps: { label: string; step: StopStep }[] = [];
  let current: string | undefined;
  return {
    add: (label, step) => void steps.push({ label, step }),
    run: async (deadline) => {
      let well = true;
      for (let next = steps.pop(); next !== undefined; next = steps.pop()) {
        current = next.label;
        try {
          await next.step(deadline);
        } catch (error) {
          // The other steps still have something to give back.
          well = false;
          logger.error('stop step failed', { step: next.label, error });
        }
      }
      current = undefined;
      return well;
    },
    get current() {
      return current;
    },
  };
}
