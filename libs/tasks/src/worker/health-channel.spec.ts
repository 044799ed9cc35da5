import { EventEmitter } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import type { Clock } from '@longshore/runtime';
import { systemClock } from '@longshore/runtime';
import { answerOver, createAskingEnd } from './health-channel.ts';

const checks = {
  health: () => ({ healthy: true, reasons: [], details: { active_tasks: 2 } }),
  ready: () => ({ ready: false, reason: 'not yet' }),
};

/** Both ends, as if there were a process between them. */
function setup({ clock = systemClock, alive = true }: { clock?: Clock; alive?: boolean } = {}) {
  const bus = new EventEmitter();
  const asking = createAskingEnd({ clock, send: (message) => alive && (bus.emit('message', message), true) });
  const end = Object.assign(bus, {
    connected: true,
    send: (message: object) => (asking.hear(structuredClone(message)), true),
  });
  const stop = answerOver(end, checks, { text: async () => 'up 1\n' });
  return { asking, stop, end };
}

describe('the channel over which a process is asked for its health', () => {
  it('brings its report, its readiness and its metrics', async () => {
    const { asking, stop, end } = setup();
    expect(await asking.state()).toEqual({
      report: { healthy: true, reasons: [], details: { active_tasks: 2 } },
      readiness: { ready: false, reason: 'not yet' },
    });
    expect(await asking.metrics()).toBe('up 1\n');
    expect(asking.silentSince).toBeUndefined();
    stop();
    expect(end.listenerCount('message')).toBe(0);
  });

  it('says undefined of a process that is gone, and of one that does not answer in time', async () => {
    expect(await setup({ alive: false }).asking.state()).toBeUndefined();
    const slept: number[] = [];
    const clock: Clock = { ...systemClock, sleep: async (ms) => void slept.push(ms) };
    const { asking, stop } = setup({ clock });
    stop();
    expect(await asking.state()).toBeUndefined();
    expect(slept).toEqual([800]);
  });

  it('counts silence from the first question that is open, however long nobody asked before', async () => {
    let now = 60_000;
    const clock: Clock = { ...systemClock, monotonic: () => now, sleep: async () => undefined };
    const { asking, stop } = setup({ clock });
    await asking.state();
    stop();
    now = 105_000;
    await asking.state();
    now = 110_000;
    await asking.state();
    expect(asking.silentSince).toBe(105_000);
    asking.hear({ id: 2 });
    expect(asking.silentSince).toBeUndefined();
  });

  it('heeds no message that is none of its own', async () => {
    const { asking, end } = setup();
    for (const message of [null, 'x', { id: 'x' }, { ask: 'secrets', id: 'x' }]) asking.hear(message);
    for (const message of [null, 'x', { ask: 'secrets', id: 1 }]) end.emit('message', message);
    await new Promise(setImmediate);
    expect(asking.silentSince).toBeUndefined();
  });

  it('tells nothing to somebody who is gone', async () => {
    const { asking, end } = setup({ clock: { ...systemClock, sleep: async () => undefined } });
    end.connected = false;
    end.send = () => {
      throw new Error('the channel is closed');
    };
    expect(await asking.state()).toBeUndefined();
  });
});
