import { expect, it } from '@jest/globals';
import { createFailedAttempts } from './failed-attempts.ts';

function setup() {
  let now = 0;
  const attempts = createFailedAttempts({ monotonicMs: () => now });
  const times = (count: number, network: string) =>
    Array.from({ length: count }, () => attempts.note(network)).at(-1);
  return { attempts, times, pass: (ms: number) => void (now += ms) };
}

it('ten wrong keys within a minute are heard out, the next is told how long to wait', () => {
  const { times, attempts, pass } = setup();
  expect(times(10, 'a')).toBeNull();
  pass(20_000);
  expect(attempts.note('a')).toBe(40);
  expect(attempts.note('b')).toBeNull();
  pass(40_000);
  expect(attempts.note('a')).toBeNull();
});

it('it never says to wait no time at all', () => {
  const { times, attempts, pass } = setup();
  times(11, 'a');
  pass(59_999.9);
  expect(attempts.note('a')).toBe(1);
});

it('a flood of addresses pushes out the oldest, not those that go on', () => {
  const { times, attempts } = setup();
  times(11, 'old');
  for (let index = 0; index < 10_000; index += 1) attempts.note(`flood ${index}`);
  expect(attempts.note('old')).toBeNull();
  expect(times(10, 'flood 9999')).toBe(60);
});
