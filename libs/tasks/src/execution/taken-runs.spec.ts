import { afterEach, describe, expect, it } from '@jest/globals';
import type { Handler } from './runner.fixture.ts';
import { runnersOfTest } from './runner.fixture.ts';

const { withHandler: setup } = runnersOfTest(afterEach);
const past = AbortSignal.abort();

describe('a run that is taken from its handler', () => {
  function heeding() {
    const started = Promise.withResolvers<void>();
    const reasons: unknown[] = [];
    const handler: Handler = (_input, { signal }) => {
      started.resolve();
      const { promise, reject } = Promise.withResolvers<never>();
      signal.addEventListener('abort', () => {
        reasons.push(signal.reason);
        reject(signal.reason as Error);
      });
      return promise;
    };
    return { handler, started: started.promise, reasons };
  }

  it('by a cancel of this epoch hears its signal and is let go', async () => {
    const { handler, started, reasons } = heeding();
    const { backend, runner } = await setup(handler);
    const message = backend.parcel({ task: 'work' });
    const handled = runner.handle(message);
    await started;
    const run_id = message.run_ids[0] as string;
    runner.cancel([{ run_id, epoch: 2 }]);
    expect(reasons).toHaveLength(0);
    runner.cancel([{ run_id, epoch: 1 }]);
    await handled;
    expect(String(reasons[0])).toContain('cancelled');
    expect(backend.reports).toMatchObject([{ run_id, epoch: 1, outcome: 'released' }]);
  });

  it('by a cancel before its turn in the parcel is let go without being started', async () => {
    const finish = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const started: string[] = [];
    const { backend, runner } = await setup((_input, { run }) => {
      started.push(run.id);
      begun.resolve();
      return finish.promise;
    });
    const message = backend.parcel({ task: 'work' }, { task: 'work' }, { task: 'work' });
    const [first, second, third] = message.run_ids as [string, string, string];
    const handled = runner.handle(message);
    await begun.promise;
    runner.cancel([{ run_id: second, epoch: 1 }]);
    finish.resolve();
    await handled;
    expect(started).toEqual([first, third]);
    expect(backend.reports.map(({ run_id, outcome }) => [run_id, outcome]).sort()).toEqual(
      [
        [first, 'succeeded'],
        [second, 'released'],
        [third, 'succeeded'],
      ].sort(),
    );
  });

  it('by its soft limit is reported as such', async () => {
    const { handler } = heeding();
    const { run } = await setup(handler);
    const report = await run({ softLimitMs: 20 });
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'time_limit' } });
  });

  it('by its hard limit is reported, and the process is told', async () => {
    const { run, overdue } = await setup(() => new Promise(() => undefined));
    const report = await run({ hardLimitMs: 20 });
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'hard_limit' } });
    expect(overdue).toEqual([report?.run_id]);
  });

  it('by a lapse is not reported; the next session may claim it again at once', async () => {
    const { handler, started } = heeding();
    const { backend, runner, session, newSession } = await setup(handler);
    const message = backend.parcel({ task: 'work' });
    const handled = runner.handle(message);
    await started;
    backend.lapse(backend.session());
    session.lapse('not heard of');
    await handled;
    expect(backend.reports).toHaveLength(0);
    const waiting = runner.handle(backend.parcel({ task: 'work' }));
    await newSession();
    await runner.stop(past);
    await waiting;
  });

  it('by a session that is gone when it reports: nothing takes effect', async () => {
    const finish = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const { backend, runner, session } = await setup(() => {
      started.resolve();
      return finish.promise;
    });
    const handled = runner.handle(backend.parcel({ task: 'work' }));
    await started.promise;
    backend.lapse(backend.session());
    finish.resolve();
    await handled;
    expect(session.signal.aborted).toBe(true);
    expect(backend.reports).toHaveLength(0);
  });
});
