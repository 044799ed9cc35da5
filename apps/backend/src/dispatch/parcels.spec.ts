import { describe, expect, it } from '@jest/globals';
import { parcelSize, splitIntoParcels } from './parcels.ts';

const sizes = (numbers: readonly number[]) =>
  Object.values(Object.groupBy(numbers, (number) => number)).map((group) => group!.length);

describe('a parcel', () => {
  it.each([
    ['is one run while nothing is known of the task', undefined, 1],
    ['is one run of a task that fills a slot by itself', 250, 1],
    ['fills a slot for about 100 ms', 20, 5],
    ['holds 50 runs at most', 0.1, 50],
  ])('%s', (_what, averageMs, size) => {
    expect(parcelSize(averageMs)).toBe(size);
  });
});

describe('splitting into parcels', () => {
  it('leaves no free slot without work that is worth a hop', () => {
    expect(sizes(splitIntoParcels(20, 15, 10))).toEqual(Array(10).fill(2));
    expect(sizes(splitIntoParcels(20, 15, 4))).toEqual([5, 5, 5, 5]);
  });

  it('keeps together what is done sooner than it is handed out', () => {
    expect(sizes(splitIntoParcels(20, 0.4, 10))).toEqual([20]);
    expect(sizes(splitIntoParcels(60, 2, 10))).toEqual(Array(10).fill(6));
    expect(sizes(splitIntoParcels(20, 2, 10))).toEqual([5, 5, 5, 5]);
  });

  it('makes full parcels when no slot is free', () => {
    expect(sizes(splitIntoParcels(120, 0.4, 0))).toEqual([50, 50, 20]);
  });

  it('lets long tasks travel alone', () => {
    expect(sizes(splitIntoParcels(3, 5_000, 1))).toEqual([1, 1, 1]);
  });
});
