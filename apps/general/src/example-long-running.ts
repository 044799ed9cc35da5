import { setTimeout as sleep } from 'node:timers/promises';
import { defineTask } from '@longshore/tasks';
import { z } from 'zod';

const STEP_MS = 1_000;

/** Takes its time, tells how far it is, and stops at once when it is cancelled. */
export const exampleLongRunning = defineTask({
  name: 'example_long_running',
  group: 'Examples',
  description: 'Runs for a number of seconds and tells its progress.',
  input: z.strictObject({ duration: z.number().min(0).max(3000).default(10).describe('seconds') }),
  handler: async ({ duration }, { progress, signal, log }) => {
    const endsAt = performance.now() + duration * 1000;
    log.info('started', { duration });
    for (let left = duration * 1000; left > 0; left = endsAt - performance.now()) {
      progress(Math.round(100 - left / duration / 10), `${Math.ceil(left / 1000)} s left`);
      await sleep(Math.min(STEP_MS, left), undefined, { signal });
    }
    progress(100, 'done');
    return { ran_seconds: duration };
  },
});
