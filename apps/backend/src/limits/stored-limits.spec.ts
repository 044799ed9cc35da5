import { expect, it } from '@jest/globals';
import { storedLimits } from './stored-limits.ts';

it('what is counted together is stored together, coarse before fine, whatever the order of the definition', () => {
  const rate = { runs: 10, per_ms: 1_000 };
  const more = { runs: 100, per_ms: 60_000 };
  expect(
    storedLimits([
      { per: 'input.b', concurrency: 1 },
      { per: 'organisation', rate },
      { per: 'input.a.c', rate },
      { per: 'task', concurrency: 4 },
      { per: 'organisation', concurrency: 2, rate: more },
    ]),
  ).toEqual([
    { per: 'task', path: null, concurrency: 4, rates: [] },
    { per: 'organisation', path: null, concurrency: 2, rates: [rate, more] },
    { per: 'input.a.c', path: ['a', 'c'], concurrency: null, rates: [rate] },
    { per: 'input.b', path: ['b'], concurrency: 1, rates: [] },
  ]);
});

it('no limits are nothing', () => {
  expect(storedLimits()).toBeNull();
  expect(storedLimits([])).toBeNull();
});
