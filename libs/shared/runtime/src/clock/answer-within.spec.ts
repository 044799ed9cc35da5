import { describe, expect, it } from '@jest/globals';
import { answerWithin } from './answer-within.ts';
import { systemClock } from './clock.ts';

describe('an answer within a time', () => {
  it('is that of the work, which may also fail', async () => {
    expect(await answerWithin(60_000, Promise.resolve('done'), systemClock)).toBe('done');
    const failing = Promise.reject(new Error('broken'));
    await expect(answerWithin(60_000, failing, systemClock)).rejects.toThrow('broken');
  });

  it('is none once the time is over, whatever becomes of the work', async () => {
    const work = Promise.withResolvers<string>();
    expect(await answerWithin(5, work.promise, systemClock)).toBeUndefined();
    work.reject(new Error('nobody hears of this'));
    await new Promise((resolve) => setImmediate(resolve));
  });
});
