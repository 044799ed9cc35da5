import { describe, expect, it } from '@jest/globals';
import { partsOf } from './parts.ts';

const parts = (...sizes: number[]) =>
  partsOf(new Map(sizes.map((size, name) => [name, size])), 10).map((names) =>
    names.map((name) => sizes[name]),
  );

describe('parts of at most 10', () => {
  it.each([
    ['nothing', [], []],
    ['what fits together', [[3, 3, 4]], [3, 3, 4]],
    ['what does not', [[3, 3], [5, 5], [1]], [3, 3, 5, 5, 1]],
    ['what is too large by itself', [[1], [11], [10], [1]], [1, 11, 10, 1]],
    ['what is empty', [[0, 10, 0]], [0, 10, 0]],
  ])('of %s', (_what, expected, sizes) => {
    expect(parts(...sizes)).toEqual(expected);
  });
});
