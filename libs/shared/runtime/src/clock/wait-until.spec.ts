import { describe, expect, it } from '@jest/globals';
import type { Logger } from '../logger/logger.ts';
import { silentLogger } from '../logger/logger.ts';
import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';
import { waitUntil } from './wait-until.ts';

function setup() {
  const said: [string, Record<string, unknown> | undefined][] = [];
  const logger: Logger = { ...silentLogger(), info: (message, fields) => void said.push([message, fields]) };
  let time = 0;
  const sleep = (ms: number, signal?: AbortSignal): Promise<void> => {
    signal?.throwIfAborted();
    time += ms;
    return Promise.resolve();
  };
  const clock: Clock = { now: () => time, monotonic: () => time, sleep };
  return { said, logger, clock };
}

describe('waitUntil', () => {
  it('says nothing when there is nothing to wait for', async () => {
    const { said, logger, clock } = setup();
    await waitUntil('the broker', () => undefined, { everyMs: 2000, logger, clock });
    expect(said).toEqual([]);
  });

  it('waits while the probe throws or says false, and tells why and for how long', async () => {
    const { said, logger, clock } = setup();
    let probes = 0;
    const probe = (): boolean => {
      probes += 1;
      if (probes === 1) throw new Error('ECONNREFUSED');
      return probes === 4;
    };
    await waitUntil('the broker', probe, { everyMs: 2000, logger, clock });
    expect(said).toEqual([
      ['waiting', { for: 'the broker', reason: 'ECONNREFUSED', retry_ms: 2000 }],
      ['wait is over', { for: 'the broker', waited_ms: 6000 }],
    ]);
  });

  it('reminds every half minute of a long wait', async () => {
    const { said, logger, clock } = setup();
    let probes = 0;
    await waitUntil('x', () => (probes += 1) > 40, { everyMs: 2000, logger, clock });
    expect(said.filter(([message]) => message === 'waiting')).toHaveLength(3);
  });

  it('ends with its signal, even when the probe hangs', async () => {
    const { logger } = setup();
    const controller = new AbortController();
    const hanging = waitUntil('x', () => new Promise(() => undefined), {
      everyMs: 10,
      logger,
      signal: controller.signal,
    });
    controller.abort(new Error('stopping'));
    await expect(hanging).rejects.toThrow('stopping');
  });

  it('counts a probe that hangs as not yet', async () => {
    const { logger, said } = setup();
    let probes = 0;
    const probe = (): Promise<unknown> =>
      (probes += 1) > 1 ? Promise.resolve() : new Promise(() => undefined);
    await waitUntil('x', probe, { everyMs: 1, probeTimeoutMs: 10, logger, clock: systemClock });
    expect(probes).toBe(2);
    expect(said[0]?.[0]).toBe('waiting');
  });
});
