import { afterEach, describe, expect, it } from '@jest/globals';
import type { WorkflowDefinition } from '@longshore/contracts';
import { runnersOfTest } from './runner.fixture.ts';

const { withHandler: setup } = runnersOfTest(afterEach);

describe('the context', () => {
  const bytes = Buffer.from('the content of the file');

  it('gives the bytes of a file, whether they came along or are fetched', async () => {
    const { run } = await setup(async (_input, { file }) =>
      Buffer.from((await file?.bytes()) ?? []).toString(),
    );
    for (const inline of [true, false]) {
      const report = await run({ file: { name: 'a.txt', bytes, inline } });
      expect(report).toMatchObject({ output: { inline: 'the content of the file' } });
    }
  });

  it('gives no bytes that are not the file', async () => {
    const { run } = await setup(async (_input, { file }) => (await file?.bytes())?.length);
    const report = await run({ file: { name: 'a.txt', bytes, sha256: '00'.repeat(32) } });
    expect(report).toMatchObject({ error: { code: 'file_damaged' } });
  });

  it('asks for the workflow of its execution once for all runs', async () => {
    const { backend, run } = await setup(async (_input, { workflowDefinition }) => workflowDefinition());
    const definition: WorkflowDefinition = { steps: [{ read: {} }] };
    const execution = backend.addExecution(definition);
    expect(await run({ execution })).toMatchObject({ output: { inline: definition } });
    expect(await run({ execution })).toMatchObject({ output: { inline: definition } });
    expect(backend.calls.get('GET /v1/workflow-versions/:id')).toBe(1);
  });

  it('knows of no workflow where there is none', async () => {
    const { run } = await setup(async (_input, { workflowDefinition }) => workflowDefinition());
    expect(await run()).toMatchObject({ error: { code: 'no_workflow' }, retry_after_ms: null });
  });

  it('tells progress and log lines, cleaned, without anybody waiting for them', async () => {
    const { backend, run, runner } = await setup((_input, { progress, log }) => {
      for (let step = 0; step <= 100; step += 1) progress(step, `step\0 ${step}`, { step });
      progress(Number.NaN, undefined, 10n);
      progress(250);
      log.info('one\uD800', { n: 1 });
      log.error('two', { big: 10n });
      return null;
    });
    const report = await run();
    await runner.stop(AbortSignal.timeout(2000));
    expect(backend.progress.at(-1)).toEqual({
      token: report?.token,
      percentage: 100,
      message: null,
      data: null,
    });
    expect(backend.progress.length).toBeLessThan(5);
    expect(backend.logLines.map(({ level, message, fields }) => [level, message, fields])).toEqual([
      ['info', 'one\uFFFD', { n: 1 }],
      ['error', 'two', null],
    ]);
  });
});
