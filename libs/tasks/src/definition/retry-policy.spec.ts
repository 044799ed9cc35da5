import { describe, expect, it } from '@jest/globals';
import { DEFAULT_BACKOFF, pauseAfter } from './retry-policy.ts';

const pauses = (backoff: Parameters<typeof pauseAfter>[1], random: number) =>
  [1, 2, 3, 4, 5].map((attempt) => pauseAfter(attempt, backoff, () => random));

describe('the pause after an attempt', () => {
  it('doubles each time up to its cap, and half of it is left to chance', () => {
    expect(pauses(DEFAULT_BACKOFF, 1)).toEqual([2_000, 4_000, 8_000, 16_000, 32_000]);
    expect(pauses(DEFAULT_BACKOFF, 0)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000]);
    expect(pauseAfter(20, DEFAULT_BACKOFF, () => 1)).toBe(600_000);
  });

  it('grows and varies as its task says', () => {
    const backoff = { baseMs: 100, capMs: 1_000, factor: 3, jitter: 0 };
    expect(pauses(backoff, 0.3)).toEqual([100, 300, 900, 1_000, 1_000]);
    expect(pauses({ ...backoff, factor: 1, jitter: 1 }, 0)).toEqual([0, 0, 0, 0, 0]);
  });

  it('is a number for every attempt that there can be', () => {
    const steep = { baseMs: 0, capMs: 500, factor: 1_000, jitter: 0.5 };
    expect(pauseAfter(100, steep, () => 0.5)).toBe(0);
    expect(pauseAfter(1_000, { ...steep, baseMs: 1 }, () => 1)).toBe(500);
  });
});
