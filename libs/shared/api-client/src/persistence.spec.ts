import { describe, expect, it } from '@jest/globals';
import { apiError, ApiError } from '@longshore/contracts';
import type { Clock } from '@longshore/runtime';
import { createBreaker } from './breaker.ts';
import { BackendUnavailableError } from './errors.ts';
import { persist } from './persistence.ts';

/** A clock whose sleepers wake in the order of their time, without anybody waiting for it. */
function simulatedClock(): Clock & { run(): Promise<void> } {
  let now = 0;
  const sleepers: { at: number; wake: () => void }[] = [];
  return {
    now: () => now,
    monotonic: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason as Error));
        sleepers.push({ at: now + ms, wake: resolve });
      }),
    run: async () => {
      for (;;) {
        await new Promise((resolve) => setImmediate(resolve));
        sleepers.sort((one, other) => one.at - other.at);
        const next = sleepers.shift();
        if (next === undefined) return;
        now = Math.max(now, next.at);
        next.wake();
      }
    },
  };
}

function setup(random = Math.random) {
  const clock = simulatedClock();
  const changes: boolean[] = [];
  const breaker = createBreaker({ clock, random, onChange: (open) => changes.push(open) });
  return { clock, changes, means: { breaker, clock, random } };
}

const unavailable = (): ApiError => apiError('unavailable', 'starting');

describe('a persistent call', () => {
  it('is made again after an error that time can mend', async () => {
    const { clock, means } = setup();
    let calls = 0;
    const done = persist(
      async () => {
        calls += 1;
        if (calls < 3) throw new BackendUnavailableError('connection refused');
        return 'answer';
      },
      { attempts: 4 },
      means,
    );
    await clock.run();
    expect(await done).toBe('answer');
    expect(calls).toBe(3);
  });

  it('is not made again after an answer that no time can mend', async () => {
    const { means } = setup();
    let calls = 0;
    const refused = persist(
      async () => {
        calls += 1;
        throw apiError('session_lapsed', 'gone');
      },
      { attempts: 4 },
      means,
    );
    await expect(refused).rejects.toMatchObject({ status: 410 });
    expect(calls).toBe(1);
  });

  it('ends with the last error when its attempts are used up', async () => {
    const { clock, means } = setup();
    let calls = 0;
    const failed = persist(
      async () => {
        calls += 1;
        throw unavailable();
      },
      { attempts: 4 },
      means,
    );
    const outcome = expect(failed).rejects.toMatchObject({ status: 503 });
    await clock.run();
    await outcome;
    expect(calls).toBe(4);
  });

  it('waits at least as long as the answer asks', async () => {
    const { clock, means } = setup(() => 0);
    const at: number[] = [];
    const done = persist(
      async () => {
        at.push(clock.monotonic());
        if (at.length === 1) throw new ApiError(429, [{ code: 'busy', detail: 'busy', attr: null }], 7);
      },
      { attempts: 2 },
      means,
    );
    await clock.run();
    await done;
    expect(at).toEqual([0, 7000]);
  });

  it('ends with the reason of its signal', async () => {
    const { means } = setup();
    const controller = new AbortController();
    const call = persist(
      async () => {
        throw unavailable();
      },
      { attempts: Infinity, signal: controller.signal },
      means,
    );
    const outcome = expect(call).rejects.toThrow('lapsed');
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort(new Error('lapsed'));
    await outcome;
  });

  it('failure mode 15: keeps fifty callers from storming a backend that is away for 30 s, and all get their answer', async () => {
    const { clock, means, changes } = setup();
    const at: number[] = [];
    const call = async (): Promise<string> => {
      at.push(clock.monotonic());
      if (clock.monotonic() < 30_000) throw unavailable();
      return 'answer';
    };
    const signal = new AbortController().signal;
    const callers = Array.from({ length: 50 }, () => persist(call, { attempts: Infinity, signal }, means));
    await clock.run();
    expect(await Promise.all(callers)).toEqual(callers.map(() => 'answer'));
    const whileAway = at.filter((time) => time > 0 && time < 30_000);
    expect(whileAway.length).toBeLessThan(20);
    expect(new Set(whileAway).size).toBe(whileAway.length);
    expect(changes).toEqual([true, false]);
  });

  it('is held back for nobody else when the backend answers with an error of its own', async () => {
    const { clock, means, changes } = setup();
    const fail = async (): Promise<never> => {
      throw apiError('internal_error', 'a bug');
    };
    const failed = persist(fail, { attempts: 20 }, means).catch(() => 'failed');
    await clock.run();
    expect(await failed).toBe('failed');
    expect(changes).toEqual([]);
  });

  it('lets another caller try when the one who tried gave up', async () => {
    const { clock, means } = setup(() => 0);
    const fail = async (): Promise<never> => {
      throw unavailable();
    };
    for (let count = 0; count < 5; count += 1) {
      await expect(persist(fail, { attempts: 1 }, means)).rejects.toThrow();
    }
    await expect(persist(fail, { attempts: 1 }, means)).rejects.toThrow('failed repeatedly');
    void clock.sleep(1000);
    await clock.run();
    const controller = new AbortController();
    const trying = persist(
      async () => {
        controller.abort(new Error('gave up'));
        throw unavailable();
      },
      { attempts: 2, signal: controller.signal },
      means,
    );
    await expect(trying).rejects.toThrow('gave up');
    expect(await persist(async () => 'answer', { attempts: 1 }, means)).toBe('answer');
  });
});
