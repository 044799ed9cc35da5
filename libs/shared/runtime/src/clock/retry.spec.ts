import { describe, expect, it, jest } from '@jest/globals';
import type { Clock } from './clock.ts';
import { retry } from './retry.ts';

function setup(): { clock: Clock; slept: number[] } {
  const slept: number[] = [];
  const sleep = (ms: number, signal?: AbortSignal): Promise<void> => {
    slept.push(ms);
    signal?.throwIfAborted();
    return Promise.resolve();
  };
  return { slept, clock: { now: () => 0, monotonic: () => 0, sleep } };
}

describe('retry', () => {
  it('returns the first success and waits not at all when there is one at once', async () => {
    const { clock, slept } = setup();
    await expect(retry(async () => 'yes', { attempts: 3, clock })).resolves.toBe('yes');
    expect(slept).toEqual([]);
  });

  it('doubles the ceiling of its delays up to the cap, and draws below it', async () => {
    const { clock, slept } = setup();
    const fn = jest.fn(async (_attempt: number) => Promise.reject(new Error('no')));
    const options = { attempts: 6, baseMs: 100, capMs: 700, clock, random: () => 0.5 };
    await expect(retry(fn, options)).rejects.toThrow('no');
    expect(slept).toEqual([50, 100, 200, 350, 350]);
    expect(fn.mock.calls.map(([attempt]) => attempt)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('throws the last error', async () => {
    const { clock } = setup();
    await expect(
      retry((attempt) => Promise.reject(new Error(`no ${attempt}`)), { attempts: 2, clock }),
    ).rejects.toThrow('no 2');
  });

  it('tells of each wait, and does not retry what is not worth it', async () => {
    const { clock } = setup();
    const onRetry = jest.fn();
    const fn = (attempt: number): Promise<never> => Promise.reject(new Error(attempt < 3 ? 'busy' : 'wrong'));
    const shouldRetry = (error: unknown): boolean => (error as Error).message === 'busy';
    await expect(retry(fn, { attempts: 9, clock, onRetry, shouldRetry, random: () => 1 })).rejects.toThrow(
      'wrong',
    );
    expect(onRetry.mock.calls).toEqual([
      [new Error('busy'), 1, 100],
      [new Error('busy'), 2, 200],
    ]);
  });

  it('goes on until its signal aborts, and then throws its reason', async () => {
    const { clock } = setup();
    const controller = new AbortController();
    const fn = async (attempt: number): Promise<never> => {
      if (attempt === 500) controller.abort(new Error('enough'));
      throw new Error('no');
    };
    await expect(retry(fn, { signal: controller.signal, clock })).rejects.toThrow('enough');
    await expect(retry(async () => 1, { signal: controller.signal, clock })).rejects.toThrow('enough');
  });

  it('stays within the cap however often it failed', async () => {
    const { clock, slept } = setup();
    await expect(
      retry(() => Promise.reject(new Error('no')), { attempts: 2000, clock, random: () => 1 }),
    ).rejects.toThrow('no');
    expect(Math.max(...slept)).toBe(10_000);
  });
});
