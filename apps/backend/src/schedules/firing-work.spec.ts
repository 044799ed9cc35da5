import { describe, expect, it } from '@jest/globals';
import { apiError } from '@longshore/contracts';
import { silentLogger } from '@longshore/runtime';
import { startFiring, type FiringDependencies } from './firing-work.ts';

/** One schedule is due all the time; there is room from the `roomAt`th try on. Time passes only while it sleeps. */
function setup(roomAt: number) {
  const rests: number[] = [];
  const { promise: enough, resolve } = Promise.withResolvers<void>();
  let now = 0;
  let tries = 0;
  const dependencies = {
    database: {
      hot: async () => [{ dueInMs: 0, anyWaits: false }],
      query: async () => [],
      transaction: async () => ({ schedules: 0, runs: 0, refused: 0 }),
    },
    waitingRuns: {
      admit: async () => {
        tries += 1;
        if (tries < roomAt) throw apiError('unavailable', 'as many tasks wait as may');
        return () => undefined;
      },
    },
    clock: {
      monotonic: () => now,
      sleep: async (ms: number, signal: AbortSignal) => {
        rests.push(ms);
        now += ms;
        if (rests.length < 10) return;
        resolve();
        await new Promise((end) => signal.addEventListener('abort', end, { once: true }));
      },
    },
    logger: silentLogger(),
  } as unknown as FiringDependencies;
  return { dependencies, rests, enough };
}

describe('schedules that are due while there is no room', () => {
  it('are tried ever more seldom, within a bound', async () => {
    const { dependencies, rests, enough } = setup(Infinity);
    const work = startFiring(dependencies);
    await enough;
    await work.stop();
    expect(rests).toEqual([1, 2, 4, 8, 16, 30, 30, 30, 30, 30].map((seconds) => seconds * 1000));
  });

  it('are tried at once again after there was', async () => {
    const { dependencies, rests, enough } = setup(4);
    const work = startFiring(dependencies);
    await enough;
    await work.stop();
    expect(rests.slice(0, 4)).toEqual([1_000, 2_000, 4_000, 100]);
  });
});
