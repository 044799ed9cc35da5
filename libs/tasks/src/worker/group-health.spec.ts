import { describe, expect, it } from '@jest/globals';
import type { MemberFacts } from './group-health.ts';
import { groupHealth, groupReadiness } from './group-health.ts';
import type { ProcessState } from './health-channel.ts';

const said = (more: Partial<ProcessState['report']> = {}, ready = true): ProcessState => ({
  report: {
    healthy: true,
    reasons: [],
    details: { active_tasks: 1, processed_tasks: 5, queues: ['a'] },
    ...more,
  },
  readiness: ready ? { ready } : { ready, reason: 'it is not registered with the backend yet' },
});

const member = (name: string, more: Partial<MemberFacts> = {}): MemberFacts => ({
  ...{ name, state: 'running', pid: 7, restarts: 0, crashLooping: false, said: said(), silentForMs: 10 },
  ...more,
});

const dead = { state: 'waiting', pid: undefined, said: undefined, silentForMs: 60_000 } as const;

describe('the health of several processes', () => {
  it('is one report: sums, and each process by its name', () => {
    const { healthy, details } = groupHealth([member('w-1'), member('w-2')], false);
    expect(healthy).toBe(true);
    expect(details).toMatchObject({ active_tasks: 2, processed_tasks: 10, worker_count: 2 });
    expect(details['processes']).toMatchObject([
      { name: 'w-1', ready: true, queues: ['a'] },
      { name: 'w-2' },
    ]);
  });

  it('stays green while one that died waits for its next start and the others work', () => {
    const { healthy, details } = groupHealth([member('w-1'), member('w-2', dead)], false);
    expect(healthy).toBe(true);
    expect(details['processes']).toMatchObject([
      {},
      { name: 'w-2', state: 'waiting', pid: null, ready: false },
    ]);
  });

  it.each([
    [
      'is in a crash loop',
      { ...dead, crashLooping: true, restarts: 5 },
      'w-2 is in a crash loop: it was started again 5 times',
    ],
    ['has not answered for 20 s', { said: undefined, silentForMs: 20_500 }, 'w-2 has not answered for 20 s'],
    [
      'is red itself',
      { said: said({ healthy: false, reasons: ['nothing was claimed'] }) },
      'w-2: nothing was claimed',
    ],
  ])('is red, in words, when one of them %s', (_when, facts, reason) => {
    expect(groupHealth([member('w-1'), member('w-2', facts)], false)).toMatchObject({
      healthy: false,
      reasons: [reason],
    });
  });

  it('is green while one that was just started does not answer yet', () => {
    const starting = member('w-2', { said: undefined, silentForMs: 3_000 });
    expect(groupHealth([member('w-1'), starting], false).healthy).toBe(true);
  });

  it('is red when none runs, unless they were told to stop', () => {
    const all = [member('w-1', dead), member('w-2', dead)];
    expect(groupHealth(all, false).reasons).toEqual(['none of the 2 processes runs']);
    expect(groupHealth(all, true).healthy).toBe(true);
  });

  it('is ready as long as one of them is, and never while it stops', () => {
    const waiting = member('w-1', { said: said({}, false) });
    expect(groupReadiness([waiting, member('w-2')], false)).toEqual({ ready: true });
    expect(groupReadiness([waiting], false)).toEqual({
      ready: false,
      reason: 'w-1: it is not registered with the backend yet',
    });
    expect(groupReadiness([member('w-2')], true).ready).toBe(false);
    expect(groupReadiness([], false).reason).toBe('none of its processes answers yet');
  });
});
