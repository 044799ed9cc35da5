import { describe, expect, it } from '@jest/globals';
import type { HealthChecks } from '@longshore/runtime';
import { packedHealth } from './packed-health.ts';

function kind(given: { healthy?: boolean; ready?: boolean; concurrency?: number }): HealthChecks {
  const { healthy = true, ready = true, concurrency = 2 } = given;
  return {
    health: () => ({
      healthy,
      reasons: healthy ? [] : ['nothing was claimed'],
      details: { concurrency, active_tasks: 1, queues: ['a'] },
    }),
    ready: () => (ready ? { ready } : { ready, reason: 'it is not registered' }),
  };
}

describe('the health of several kinds in one process', () => {
  it('sums what can be summed and tells each', async () => {
    const checks = packedHealth([
      { kind: 'general', checks: kind({}) },
      { kind: 'callback', checks: kind({ concurrency: 3 }) },
    ]);
    expect(await checks.health()).toMatchObject({
      healthy: true,
      reasons: [],
      details: { concurrency: 5, active_tasks: 2, workers: [{ name: 'general' }, { name: 'callback' }] },
    });
    expect(await checks.ready()).toEqual({ ready: true });
  });

  it('is unhealthy when one is, and says which', async () => {
    const checks = packedHealth([
      { kind: 'general', checks: kind({}) },
      { kind: 'callback', checks: kind({ healthy: false }) },
    ]);
    expect(await checks.health()).toMatchObject({
      healthy: false,
      reasons: ['callback: nothing was claimed'],
    });
  });

  it('is ready only when all are', async () => {
    const notYet = packedHealth([
      { kind: 'general', checks: kind({}) },
      { kind: 'callback', checks: undefined },
    ]);
    expect(await notYet.ready()).toEqual({ ready: false, reason: 'callback: it does not start yet' });
    expect(await notYet.health()).toMatchObject({ healthy: true });
    const refused = packedHealth([{ kind: 'general', checks: kind({ ready: false }) }]);
    expect(await refused.ready()).toEqual({ ready: false, reason: 'general: it is not registered' });
  });
});
