import type { Clock } from './clock.ts';

/** What the work resolves to; undefined when that takes longer than `ms` milliseconds. The work goes on then, and its failure is nobody's. */
export async function answerWithin<Answer>(
  ms: number,
  work: Promise<Answer>,
  clock: Pick<Clock, 'sleep'>,
): Promise<Answer | undefined> {
  const over = new AbortController();
  const tooLate = clock.sleep(ms, over.signal).then(
    () => undefined,
    () => undefined,
  );
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    over.abort();
  }
}
