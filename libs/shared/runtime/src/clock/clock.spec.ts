import { describe, expect, it } from '@jest/globals';
import { systemClock } from './clock.ts';

describe('the clock of this machine', () => {
  it('sleeps for as long as it was told', async () => {
    const before = systemClock.monotonic();
    await systemClock.sleep(20);
    expect(systemClock.monotonic() - before).toBeGreaterThanOrEqual(19);
  });

  it('wakes with the reason of its signal', async () => {
    const reason = new Error('stop');
    const controller = new AbortController();
    const asleep = systemClock.sleep(60_000, controller.signal);
    controller.abort(reason);
    await expect(asleep).rejects.toBe(reason);
    await expect(systemClock.sleep(60_000, controller.signal)).rejects.toBe(reason);
  });

  it('sleeps on beyond what a timer can hold', async () => {
    const controller = new AbortController();
    const asleep = systemClock.sleep(2 ** 31 + 5, controller.signal);
    const winner = await Promise.race([
      asleep.then(() => 'woke'),
      systemClock.sleep(20).then(() => 'asleep'),
    ]);
    expect(winner).toBe('asleep');
    controller.abort(new Error('enough'));
    await expect(asleep).rejects.toThrow('enough');
  });

  it('tells the wall time', () => {
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1000);
  });
});
