import { afterEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, apiError, type Report } from '@longshore/contracts';
import { z } from 'zod';
import { defineTask } from '../definition/define-task.ts';
import { runnersOfTest, type Handler } from './runner.fixture.ts';

const { withHandler: setup, withTasks } = runnersOfTest(afterEach);
const past = AbortSignal.abort();

describe('the runner', () => {
  it('claims, executes and reports the output', async () => {
    const { run } = await setup((input) => ({ got: input }));
    expect(await run({ input: { a: [1, 'zwei'] } })).toMatchObject({
      outcome: 'succeeded',
      epoch: 1,
      output: { inline: { got: { a: [1, 'zwei'] } } },
    });
  });

  it('tells a handler which run and attempt it is in', async () => {
    const { run } = await setup((_input, context) => context.run);
    const report = await run({ attempt: 2 });
    expect(report).toMatchObject({
      output: {
        inline: {
          id: report?.run_id,
          idempotencyKey: report?.run_id,
          task: 'work',
          attempt: 2,
          maxAttempts: 3,
        },
      },
    });
  });

  it('drops a message whose claim is refused', async () => {
    let handled = 0;
    const { backend, runner } = await setup(() => (handled += 1));
    const message = backend.parcel({ task: 'work' });
    await runner.handle(message);
    await runner.handle(message);
    expect(handled).toBe(1);
    expect(backend.reports).toHaveLength(1);
  });

  it('drops a second message of a dispatch that it still holds', async () => {
    const finish = Promise.withResolvers<void>();
    const { backend, runner } = await setup(() => finish.promise);
    const message = backend.parcel({ task: 'work' });
    const first = runner.handle(message);
    await runner.handle(message);
    expect(backend.calls.get('POST /v1/claims') ?? 0).toBeLessThanOrEqual(1);
    finish.resolve();
    await first;
    expect(backend.reports).toHaveLength(1);
  });

  it('reports the runs of a parcel that end in one turn of the event loop in one call', async () => {
    const { backend, runner } = await setup(() => null);
    await runner.handle(backend.parcel(...Array.from({ length: 20 }, () => ({ task: 'work' }))));
    expect(backend.reports).toHaveLength(20);
    expect(backend.calls.get('POST /v1/reports')).toBe(1);
  });

  it('executes the runs of a parcel one after the other, in its order', async () => {
    const order: unknown[] = [];
    let atOnce = 0;
    const { backend, runner } = await setup(async (input) => {
      expect((atOnce += 1)).toBe(1);
      order.push(input);
      await sleep(1);
      atOnce -= 1;
    });
    const message = backend.parcel(
      ...Array.from({ length: 20 }, (_value, index) => ({ task: 'work', input: index })),
    );
    await runner.handle(message);
    expect(order).toEqual(Array.from({ length: 20 }, (_value, index) => index));
    expect(backend.reports).toHaveLength(20);
  });

  describe('gives back what a parcel that takes long has not started', () => {
    const work = (handler: Handler) =>
      defineTask({ name: 'work', description: '', input: z.unknown(), handler });
    const four = Array.from({ length: 4 }, () => ({ task: 'work' }));
    const outcomes = (reports: readonly Report[]) => reports.map(({ outcome }) => outcome).toSorted();

    it('while its first run goes on, once a slot is free', async () => {
      const end = Promise.withResolvers<void>();
      const { backend, runner } = await withTasks([work(() => end.promise)], undefined, 20);
      const long = runner.handle(backend.parcel(...four));
      await backend.until(() => backend.reports.length === 3);
      expect(outcomes(backend.reports)).toEqual(['released', 'released', 'released']);
      end.resolve();
      await long;
      expect(outcomes(backend.reports)).toEqual(['released', 'released', 'released', 'succeeded']);
    });

    it('also where a handler holds up the timers', async () => {
      const busy = work(() => {
        const end = performance.now() + 30;
        while (performance.now() < end);
      });
      const { backend, runner } = await withTasks([busy], undefined, 20);
      await runner.handle(backend.parcel(...four));
      expect(outcomes(backend.reports)).toEqual(['released', 'released', 'released', 'succeeded']);
    });

    it('and keeps it while no slot is free', async () => {
      const ends = Promise.withResolvers<void>();
      const both = Promise.withResolvers<void>();
      let started = 0;
      const busy = work(() => {
        if ((started += 1) === 2) both.resolve();
        return started > 2 ? null : ends.promise;
      });
      const { backend, runner } = await withTasks([busy], undefined, 5);
      const parcels = [runner.handle(backend.parcel(...four)), runner.handle(backend.parcel(...four))];
      await both.promise;
      await sleep(30);
      expect(backend.reports).toEqual([]);
      ends.resolve();
      await Promise.all(parcels);
      expect(backend.reports).toHaveLength(8);
    });
  });

  it('frees the slot when the runs have ended, whatever becomes of their reports, and stops when those are told', async () => {
    const { backend, impatient } = await setup(() => 'done');
    let isAway = true;
    backend.state.fault = (_method, path) =>
      path === '/v1/reports' && isAway ? apiError('unavailable', 'restarting') : undefined;
    await impatient.handle(backend.parcel({ task: 'work' }));
    expect(impatient.state().busySlots).toBe(0);
    expect(backend.reports).toEqual([]);
    isAway = false;
    await impatient.stop(AbortSignal.timeout(5000));
    expect(backend.reports).toMatchObject([{ outcome: 'succeeded' }]);
  });

  it('needs far fewer calls than runs', async () => {
    const { backend, runner } = await setup(() => null);
    const spec = { task: 'work' };
    const parcels = Array.from({ length: 20 }, () =>
      backend.parcel(...Array.from({ length: 50 }, () => spec)),
    );
    await Promise.all(parcels.map((message) => runner.handle(message)));
    expect(backend.reports).toHaveLength(1000);
    const calls = (backend.calls.get('POST /v1/claims') ?? 0) + (backend.calls.get('POST /v1/reports') ?? 0);
    expect(calls).toBeLessThan(40);
  });

  it('claims once although the answer was lost', async () => {
    let handled = 0;
    const { backend, runner } = await setup(() => (handled += 1));
    let lost = 0;
    backend.state.loseAnswer = (path) => path === '/v1/claims' && (lost += 1) <= 2;
    await runner.handle(backend.parcel({ task: 'work' }));
    expect(handled).toBe(1);
    expect(backend.calls.get('POST /v1/claims')).toBe(3);
    expect(backend.reports).toHaveLength(1);
  });

  it('reports until it is heard', async () => {
    const { backend, run } = await setup(() => 'done');
    let calls = 0;
    backend.state.fault = (_method, path) => {
      if (path !== '/v1/reports') return undefined;
      calls += 1;
      return calls === 1 ? 'hang up' : calls <= 8 ? apiError('unavailable', 'restarting') : undefined;
    };
    expect(await run()).toMatchObject({ outcome: 'succeeded' });
  });

  it.each([500, 502, 503, 504])(
    'outlasts a proxy or a backend that answers everything with %i',
    async (status) => {
      const { backend, run } = await setup(() => 'done');
      let calls = 0;
      const error = new ApiError(status, [{ code: 'internal_error', detail: 'starting', attr: null }]);
      backend.state.fault = () => ((calls += 1) <= 6 ? error : undefined);
      expect(await run()).toMatchObject({ outcome: 'succeeded' });
      backend.state.fault = undefined;
      expect(backend.reports).toHaveLength(1);
      expect(backend.sessions).toHaveLength(1);
    },
  );
});

describe('stopping', () => {
  it('waits for what runs', async () => {
    const finish = Promise.withResolvers<string>();
    const started = Promise.withResolvers<void>();
    const { backend, runner } = await setup(() => {
      started.resolve();
      return finish.promise;
    });
    const handled = runner.handle(backend.parcel({ task: 'work' }));
    await started.promise;
    const stopped = runner.stop(AbortSignal.timeout(5000));
    finish.resolve('done');
    await Promise.all([handled, stopped]);
    expect(backend.reports).toMatchObject([{ outcome: 'succeeded', output: { inline: 'done' } }]);
  });

  it('gives back what is left at the deadline, and what of its parcel was not started', async () => {
    const started = Promise.withResolvers<void>();
    const { backend, runner } = await setup(() => {
      started.resolve();
      return new Promise(() => undefined);
    });
    const handled = runner.handle(backend.parcel({ task: 'work' }, { task: 'work' }, { task: 'work' }));
    await started.promise;
    await runner.stop(past);
    await handled;
    expect(backend.reports.map(({ outcome }) => outcome)).toEqual(['released', 'released', 'released']);
  });

  it('starts nothing more', async () => {
    let handled = 0;
    const { backend, runner } = await setup(() => (handled += 1));
    await runner.stop(AbortSignal.timeout(1000));
    await runner.handle(backend.parcel({ task: 'work' }));
    expect(handled).toBe(0);
  });
});
