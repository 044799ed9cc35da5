import { afterEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { TaskError } from '../definition/task-error.ts';
import { runnersOfTest } from './runner.fixture.ts';

const { withHandler: setup } = runnersOfTest(afterEach);

describe('a failing handler', () => {
  it('is reported in its own words, with its output, and tried again as it says', async () => {
    const { run } = await setup(() => {
      throw new TaskError('no_luck', 'It did not work', { output: { half: true } });
    });
    expect(await run()).toMatchObject({
      outcome: 'failed',
      error: { code: 'no_luck', message: 'It did not work' },
      output: { inline: { half: true } },
      retry_after_ms: 1500,
    });
  });

  it('waits longer before each attempt', async () => {
    const { run } = await setup(() => Promise.reject(new Error('down')));
    expect(await run({ attempt: 4 })).toMatchObject({ retry_after_ms: 12_000 });
  });

  it('is not tried again when it says so', async () => {
    const { run } = await setup(() => {
      throw new TaskError('unreadable', 'The file is empty', { retryable: false });
    });
    expect(await run()).toMatchObject({ outcome: 'failed', retry_after_ms: null, output: null });
  });

  it('may throw anything', async () => {
    const { run } = await setup((thrown) => Promise.reject(thrown as Error));
    for (const input of ['text', 7, null, { code: 'x' }]) {
      expect(await run({ input })).toMatchObject({ outcome: 'failed', error: { code: 'unexpected_error' } });
    }
  });

  it('shows no secret', async () => {
    const { run } = await setup(() => {
      throw new Error('connect postgres://user:hunter2hunter2@db/x failed', {
        cause: new Error('Bearer abcdef123456'),
      });
    });
    const text = JSON.stringify(await run());
    expect(text).toContain('caused by');
    expect(text).not.toMatch(/hunter2hunter2|abcdef123456/);
  });

  it('fails at once when its input does not fit, with the paths', async () => {
    const { run } = await setup(() => null, { input: z.object({ duration: z.number() }) });
    expect(await run({ input: { duration: 'long' } })).toMatchObject({
      outcome: 'failed',
      retry_after_ms: null,
      error: { code: 'invalid_input', message: expect.stringContaining('duration') },
    });
  });

  it('fails at once when this worker has no such task', async () => {
    const { run } = await setup(() => null);
    expect(await run({ task: 'unheard.of' })).toMatchObject({
      error: { code: 'unknown_task' },
      retry_after_ms: null,
    });
  });

  it('is tried again when its error says so, which goes before the backoff of its task', async () => {
    const { run } = await setup((retryAfterMs) => {
      throw new TaskError('busy', 'Come back later', { retryAfterMs: retryAfterMs as number });
    });
    expect(await run({ input: 90_000 })).toMatchObject({ retry_after_ms: 90_000 });
    expect(await run({ input: -5 })).toMatchObject({ retry_after_ms: 0 });
    expect(await run({ input: 1e12 })).toMatchObject({ retry_after_ms: 86_400_000 });
    expect(await run({ input: 'soon' })).toMatchObject({ retry_after_ms: 1500 });
  });

  it('is tried again only for the errors that its task says are worth it', async () => {
    const { run } = await setup(
      (kind) => Promise.reject(kind === 'type' ? new TypeError('x') : new Error('y')),
      {
        retryIf: (error, attempt) => !(error instanceof TypeError) && attempt < 3,
      },
    );
    expect(await run({ input: 'type' })).toMatchObject({ outcome: 'failed', retry_after_ms: null });
    expect(await run({ input: 'other', attempt: 2 })).toMatchObject({ retry_after_ms: 3000 });
    expect(await run({ input: 'other', attempt: 3 })).toMatchObject({ retry_after_ms: null });
  });

  it('is asked about its hard limit too, but not about what said no by itself', async () => {
    const asked: unknown[] = [];
    const { run } = await setup(
      (kind) => {
        if (kind === 'endless') return new Promise(() => undefined);
        throw new TaskError('never', 'No', { retryable: false });
      },
      { retryIf: (error) => asked.push((error as TaskError).code) > 99 },
    );
    expect(await run({ input: 'no' })).toMatchObject({ retry_after_ms: null });
    expect(asked).toEqual([]);
    expect(await run({ input: 'endless', hardLimitMs: 20 })).toMatchObject({ retry_after_ms: null });
    expect(asked).toEqual(['hard_limit']);
  });

  it('is tried again when its policy fails itself: attempts are bounded anyway', async () => {
    const { run } = await setup(() => Promise.reject(new Error('down')), {
      retryIf: () => {
        throw new Error('policy');
      },
    });
    expect(await run()).toMatchObject({ retry_after_ms: 1500 });
  });

  it('fails at once when its schema throws, and says so', async () => {
    const input = z.unknown().refine(() => {
      throw new Error('schema is broken');
    });
    const { run } = await setup(() => null, { input });
    expect(await run()).toMatchObject({
      retry_after_ms: null,
      error: { code: 'invalid_input', message: expect.stringContaining('schema is broken') },
    });
  });

  it('may throw what cannot be written as text', async () => {
    const { run } = await setup(() => Promise.reject(Object.create(null) as Error));
    expect(await run()).toMatchObject({ outcome: 'failed', error: { code: 'unexpected_error' } });
  });
});
