import { defineTask, TaskError } from '@longshore/tasks';
import { z } from 'zod';

/** Fails a stated number of times, then succeeds: shows what retries do. */
export const exampleFailing = defineTask({
  name: 'example_failing',
  group: 'Examples',
  description: 'Fails as often as it is told to, then succeeds.',
  input: z.strictObject({
    times: z.int().min(0).max(100).default(2).describe('failures before it succeeds'),
    retryable: z.boolean().default(true),
  }),
  backoff: { baseMs: 500, capMs: 5_000 },
  handler: ({ times, retryable }, { run }) => {
    if (run.attempt > times) return { succeeded_at_attempt: run.attempt };
    throw new TaskError('asked_to_fail', `Failure ${run.attempt} of ${times}, as it was asked to`, {
      retryable,
    });
  },
});
