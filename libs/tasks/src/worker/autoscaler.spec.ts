import { describe, expect, it } from '@jest/globals';
import { systemClock } from '@longshore/runtime';
import { createAutoscaler } from './autoscaler.ts';

function setup({ min = 1, max = 4 } = {}) {
  let now = 0;
  let facts = { busySlots: 0, dispatched: 0 };
  const changes: number[] = [];
  const scaler = createAutoscaler({
    ...{ min, max, clock: { ...systemClock, monotonic: () => now } },
    facts: () => facts,
    onChange: (concurrency) => changes.push(concurrency),
  });
  const see = (seconds: number, busySlots: number, dispatched = 0): number => {
    now = seconds * 1000;
    facts = { busySlots, dispatched };
    scaler.look();
    return scaler.concurrency;
  };
  return { see, changes };
}

describe('the slots of a worker', () => {
  it('begin at the lower bound, and go to the upper one when all are busy and more waits', () => {
    const { see, changes } = setup({ min: 2, max: 6 });
    expect(see(0, 0)).toBe(2);
    expect(see(1, 2)).toBe(2);
    expect(see(2, 1, 5)).toBe(2);
    expect(see(3, 2, 1)).toBe(6);
    expect(see(4, 6, 12)).toBe(6);
    expect(changes).toEqual([6]);
  });

  it('go back after sixty seconds in which no more than the lower bound was needed, and not before', () => {
    const { see, changes } = setup({ min: 2, max: 6 });
    see(0, 2, 1);
    see(10, 3);
    expect(see(69, 2)).toBe(6);
    expect(see(70, 2)).toBe(2);
    expect(changes).toEqual([6, 2]);
  });

  it('stay up while work waits, and count the sixty seconds from the last need', () => {
    const { see } = setup();
    see(0, 1, 1);
    see(50, 0, 1);
    expect(see(100, 0)).toBe(4);
    expect(see(110, 0)).toBe(1);
    expect(see(111, 1, 1)).toBe(4);
  });

  it('never move where the bounds are one number', () => {
    const { see, changes } = setup({ min: 3, max: 3 });
    expect(see(0, 3, 100)).toBe(3);
    expect(see(1000, 0)).toBe(3);
    expect(changes).toEqual([]);
  });
});
