import { afterEach, describe, expect, it } from '@jest/globals';
import { isolatedRunnersOfTest } from './isolated-runner.fixture.ts';

const setup = isolatedRunnersOfTest(afterEach);

describe.each(['thread', 'process'] as const)('a run in a %s of its own', (isolation) => {
  it('is given its input as the schema makes it, and its facts, and gives its output', async () => {
    const { act } = await setup(isolation);
    const report = await act('facts', { n: 21, attempt: 2 });
    expect(report).toMatchObject({ outcome: 'succeeded', output: { inline: { n: 42 } } });
    expect(report).toMatchObject({
      output: { inline: { run: { id: report?.run_id, attempt: 2, idempotencyKey: report?.run_id } } },
    });
  });

  it('fails at once when its input does not fit', async () => {
    const { act } = await setup(isolation);
    expect(await act('facts', { n: 'x' as never })).toMatchObject({
      ...{ outcome: 'failed', retry_after_ms: null, error: { code: 'invalid_input' } },
    });
  });

  it('reads its file, its children and its workflow through the worker', async () => {
    const { act, backend } = await setup(isolation);
    for (const inline of [true, false]) {
      const file = { name: 'a.txt', bytes: Buffer.from('content'), inline };
      expect(await act('read', { file })).toMatchObject({ output: { inline: 'content' } });
    }
    const damaged = { name: 'a.txt', bytes: Buffer.from('content'), sha256: '00'.repeat(32) };
    expect(await act('read', { file: damaged })).toMatchObject({ error: { code: 'file_damaged' } });
    const definition = { steps: [{ read: {} }] };
    const execution = backend.addExecution(definition);
    expect(await act('workflow', { execution })).toMatchObject({ output: { inline: definition } });
    expect(await act('workflow')).toMatchObject({ error: { code: 'no_workflow' }, retry_after_ms: null });
    expect(await act('pipeline')).toMatchObject({ error: { code: 'not_isolated' }, retry_after_ms: null });
  });

  it('that follows a fan-out gets its children, and their outputs', async () => {
    const { act, backend } = await setup(isolation);
    const child = { run_id: '0199a000-0000-7000-8000-000000000001', key: 'a', ordinal: 0, error: null };
    const summary = { ...child, state: 'succeeded' as const };
    const results = [{ ...summary, output: { inline: 7 } }];
    backend.childResults.get = () => results;
    expect(await act('children', { children: [summary] })).toMatchObject({
      output: { inline: { children: [summary], results } },
    });
    backend.outputs.set(child.run_id, Buffer.from('{"large":true}'));
    expect(await act('childOutput', { children: [summary] })).toMatchObject({
      output: { inline: { large: true } },
    });
  });

  it('tells log lines and progress, in their order', async () => {
    const { act, backend, runner } = await setup(isolation);
    await act('say');
    await runner.stop(AbortSignal.timeout(5_000));
    expect(backend.logLines.map(({ level, message, fields }) => [level, message, fields])).toEqual([
      ['info', 'one', { n: 1 }],
      ['error', 'two', null],
    ]);
    expect(backend.progress.at(-1)).toMatchObject({ percentage: 20, message: 'half', data: { at: 'x' } });
  });

  it('may log 100,000 lines and call progress 10,000 times, as fast as it can: what is beyond the bounds is dropped', async () => {
    const { act, backend } = await setup(isolation);
    expect(await act('flood', { n: 50_000 })).toMatchObject({ outcome: 'succeeded' });
    await backend.until(() => backend.logLines.length > 10_000 && backend.progress.length > 0);
    expect(backend.logLines).toHaveLength(10_001);
    expect(backend.logLines.map(({ message }) => message).at(9_999)).toBe('line 9999');
    await backend.until(() => backend.progress.at(-1)?.message === 'step 9999');
    expect(backend.progress.length).toBeLessThan(100);
  });

  it('has its words in the log, and nothing it says there is taken for its result', async () => {
    const { act, backend, line } = await setup(isolation);
    expect(await act('noise')).toMatchObject({ output: { inline: 'true output' } });
    await line(/a complaint/);
    const levels = backend.logLines.map(({ level, fields }) => [level, fields]);
    expect(levels[0]).toEqual(['info', { stream: 'stdout' }]);
    expect(levels).toContainEqual(['warn', { stream: 'stderr' }]);
    expect(backend.logLines.every(({ message }) => message.length <= 10_000)).toBe(true);
  });

  it('may return what is no JSON, or a lot of it', async () => {
    const { act, backend } = await setup(isolation);
    expect(await act('outputs', { n: 0 })).toMatchObject({ output: { inline: null } });
    expect(await act('outputs', { n: 1 })).toMatchObject({
      error: { code: 'not_json' },
      retry_after_ms: null,
    });
    const large = await act('outputs', { n: 3 });
    expect(large).toMatchObject({ output: { size: 20_000_002 } });
    expect(backend.outputs.get(large?.run_id ?? '')).toHaveLength(20_000_002);
  });

  it('may fan out', async () => {
    const { act } = await setup(isolation);
    expect(await act('fanOut')).toMatchObject({
      outcome: 'fanned_out',
      children: [{ key: 'a', task: 'child', input: 1 }],
      then: { task: 'end', input: 2 },
    });
  });

  it('fails in its own words, and is tried again as they say, and as its policy does', async () => {
    const { act } = await setup(isolation);
    expect(await act('refuse')).toMatchObject({
      error: { code: 'no_luck', message: 'It said no' },
      ...{ retry_after_ms: null, output: { inline: { half: true } } },
    });
    expect(await act('later')).toMatchObject({ error: { code: 'busy' }, retry_after_ms: 77_000 });
    const broken = await act('fail');
    expect(broken).toMatchObject({ error: { code: 'unexpected_error' }, retry_after_ms: null });
    expect(JSON.stringify(broken)).toContain('for a reason');
  });

  it('uses what is warm, until something failed there', async () => {
    const { act } = await setup(isolation);
    expect(await act('count')).toMatchObject({ output: { inline: { runsHere: 1 } } });
    expect(await act('count')).toMatchObject({ output: { inline: { runsHere: 2 } } });
    await act('refuse');
    expect(await act('count')).toMatchObject({ output: { inline: { runsHere: 3 } } });
    await act('fail');
    expect(await act('count')).toMatchObject({ output: { inline: { runsHere: 1 } } });
  });

  it('has one of its own while others are at work', async () => {
    const { act, runner, line } = await setup(isolation);
    const sleeping = act('sleep');
    await line(/sleeps/);
    expect(await act('count')).toMatchObject({ output: { inline: { runsHere: 1 } } });
    await runner.stop(AbortSignal.abort());
    expect(await sleeping).toMatchObject({ outcome: 'released' });
  });

  it('cannot see what the worker alone shall know', async () => {
    process.env['INTERNAL_SERVICE_API_KEY'] = 'lsk_secret';
    process.env['OF_THE_TASK'] = 'to be seen';
    const { act } = await setup(isolation);
    const report = await act('environment');
    delete process.env['INTERNAL_SERVICE_API_KEY'];
    delete process.env['OF_THE_TASK'];
    const { inline: names } = (report as { output: { inline: string[] } }).output;
    expect(names).toContain('OF_THE_TASK');
    expect(names).not.toContain('INTERNAL_SERVICE_API_KEY');
  });

  it('fails with the reason when its file does not load any more', async () => {
    const { act } = await setup(isolation, '/nowhere/task.ts');
    expect(await act('facts')).toMatchObject({
      error: { code: 'task_not_loaded', message: expect.stringContaining('/nowhere/task.ts') },
      retry_after_ms: 1_500,
    });
  });
});
