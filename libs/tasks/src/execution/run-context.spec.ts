import { afterEach, describe, expect, it } from '@jest/globals';
import type { WorkflowDefinition } from '@longshore/contracts';
import { runnersOfTest } from './runner.fixture.ts';

const { withHandler: setup } = runnersOfTest(afterEach);

/** What the backend keeps of the log of one attempt. */
const MAX_LINES = 10_000;

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

  it('of a run inline takes 100,000 log lines and 10,000 progress calls at once: what is beyond the bounds goes nowhere', async () => {
    const { backend, run } = await setup((_input, { progress, log }) => {
      for (let line = 0; line < 100_000; line += 1) log.info(`line ${line}`);
      for (let step = 0; step < 10_000; step += 1) progress(step / 100, `step ${step}`);
      return 'done';
    });
    expect(await run()).toMatchObject({ outcome: 'succeeded', output: { inline: 'done' } });
    await backend.until(() => backend.logLines.length > MAX_LINES);
    await backend.until(() => backend.progress.at(-1)?.message === 'step 9999');
    // The line beyond tells the backend that there were more: it notes that the log is cut.
    expect(backend.logLines).toHaveLength(MAX_LINES + 1);
    expect(backend.logLines.at(-1)?.message).toBe(`line ${MAX_LINES}`);
    expect(backend.progress.length).toBeLessThan(5);
  });

  it('of a run inline takes a progress call a thousand times a second: few of them reach the backend, the last one does', async () => {
    const { backend, run } = await setup(async (_input, { progress, sleep }) => {
      for (let step = 0; step < 1_000; step += 1) {
        progress(step / 10, `step ${step}`);
        if (step % 10 === 9) await sleep(10);
      }
      return 'done';
    });
    const beganAt = performance.now();
    expect(await run()).toMatchObject({ outcome: 'succeeded', output: { inline: 'done' } });
    await backend.until(() => backend.progress.at(-1)?.message === 'step 999');
    // One call, then a pause of a fifth of a second; however slow the machine is.
    const pauses = (performance.now() - beganAt) / 200;
    expect(backend.progress.length).toBeLessThanOrEqual(pauses + 2);
  });
});
