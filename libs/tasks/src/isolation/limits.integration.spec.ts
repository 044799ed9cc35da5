import { afterEach, describe, expect, it } from '@jest/globals';
import { isolatedRunnersOfTest, processEnd } from './isolated-runner.fixture.ts';

const setup = isolatedRunnersOfTest(afterEach);

describe.each(['thread', 'process'] as const)('in a %s of its own', (isolation) => {
  it('a loop without an end is ended at the hard limit; the worker and its other runs go on', async () => {
    const { act, overdue, line } = await setup(isolation);
    await act('count');
    const looping = act('loop', { hardLimitMs: 4_000 });
    await line(/loops/);
    expect(await act('count')).toMatchObject({ outcome: 'succeeded' });
    expect(await looping).toMatchObject({
      error: { code: 'hard_limit', message: expect.stringContaining('ended by force') },
      retry_after_ms: 1_500,
    });
    expect(overdue).toEqual([]);
    expect(await act('count')).toMatchObject({ outcome: 'succeeded' });
  });

  it('a handler hears its soft limit', async () => {
    const { act } = await setup(isolation);
    expect(await act('sleep', { softLimitMs: 1_000 })).toMatchObject({ error: { code: 'time_limit' } });
  });

  it('a handler hears that its run was cancelled', async () => {
    const { act, backend, runner, line } = await setup(isolation);
    const sleeping = act('sleep');
    await line(/sleeps/);
    const [run_id = ''] = backend.runs.keys();
    runner.cancel([{ run_id, epoch: 1 }]);
    expect(await sleeping).toMatchObject({ outcome: 'released' });
  });

  it('a handler that does not hear that its run was cancelled is ended after 10 s', async () => {
    const { act, backend, runner, line } = await setup(isolation);
    const looping = act('loop');
    await line(/loops/);
    const [run_id = ''] = backend.runs.keys();
    runner.cancel([{ run_id, epoch: 1 }]);
    expect(await looping).toMatchObject({ outcome: 'released' });
  });

  it('a run that is cancelled before its thread or process has started is let go', async () => {
    const { backend, runner, act } = await setup(isolation);
    const message = backend.parcel({ task: `in_${isolation}`, input: { act: 'sleep' } });
    const handled = runner.handle(message);
    await backend.until(() => [...backend.runs.values()].some(({ state }) => state === 'running'));
    runner.cancel(message.run_ids.map((run_id) => ({ run_id, epoch: 1 })));
    await handled;
    expect(backend.reports).toMatchObject([{ outcome: 'released' }]);
    expect(await act('count')).toMatchObject({ output: { inline: { runsHere: 1 } } });
  });

  it.each(['heap', 'buffers'])('too much memory (%s) ends that run alone', async (kind) => {
    const { act } = await setup(isolation);
    expect(await act(kind)).toMatchObject({
      error: { code: 'out_of_memory', message: 'It used more memory than the 128 MiB that it may' },
      retry_after_ms: 1_500,
    });
    expect(await act('count')).toMatchObject({ output: { inline: { runsHere: 1 } } });
  });

  it.each([
    ['exit', /ended/],
    ['uncaught', isolation === 'thread' ? /nobody catches me/ : /ended with code 1/],
  ])('what ends by itself (%s) costs that run alone', async (how, message) => {
    const { act } = await setup(isolation);
    const report = await act(how);
    expect(report).toMatchObject({
      ...{ outcome: 'failed', retry_after_ms: 1_500 },
      error: { code: 'crashed', message: expect.stringMatching(message) },
    });
    if (how === 'uncaught') expect(JSON.stringify(report)).toContain('nobody catches me');
    expect(await act('count')).toMatchObject({ outcome: 'succeeded' });
  });
});

describe('in a process of its own', () => {
  it.each([
    ['abort', 'Its process was ended by SIGABRT'],
    ['crash', 'Its process was ended by SIGSEGV'],
    ['disconnect', 'Its process was ended by SIGKILL'],
  ])('a crash (%s) costs that run alone', async (how, message) => {
    const { act } = await setup('process');
    expect(await act(how)).toMatchObject({ error: { code: 'crashed', message }, retry_after_ms: 1_500 });
    expect(await act('count')).toMatchObject({ outcome: 'succeeded' });
  });

  it('what a handler started ends with it', async () => {
    const { act, line } = await setup('process');
    await act('count');
    const running = act('grandchild', { hardLimitMs: 4_000 });
    const [, pid] = await line(/started (\d+)/);
    expect(await running).toMatchObject({ error: { code: 'hard_limit' } });
    await processEnd(Number(pid));
  });

  it('nothing is left when the worker closes', async () => {
    const { act, runner, line } = await setup('process');
    const looping = act('loop');
    const [, pid] = await line(/loops in (\d+)/);
    await runner.stop(AbortSignal.abort());
    expect(await looping).toMatchObject({ outcome: 'released' });
    await processEnd(Number(pid));
  });
});
