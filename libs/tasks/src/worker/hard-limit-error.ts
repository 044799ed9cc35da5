import type { ClaimedRun } from '@longshore/contracts';

/** A handler did not end within its hard limit, and inside this process nothing can make it. */
export class HardLimitError extends Error {
  override readonly name = 'HardLimitError';

  constructor({ run_id, task, hard_limit_ms }: ClaimedRun) {
    super(
      `The run ${run_id} of ${task} did not end within ${hard_limit_ms / 1000} s: this process starts anew`,
    );
  }
}
