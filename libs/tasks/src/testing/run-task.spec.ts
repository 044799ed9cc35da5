import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import type { TaskDefinition } from '../definition/define-task.ts';
import { defineTask } from '../definition/define-task.ts';
import { fanOut } from '../definition/fan-out.ts';
import { TaskError } from '../definition/task-error.ts';
import { runTask } from './run-task.ts';

type Definition = TaskDefinition<z.ZodType>;

function taskOf(handler: Definition['handler'], definition: Partial<Definition> = {}) {
  return defineTask({ name: 'work', description: '', input: z.unknown(), ...definition, handler });
}

describe('running a task in a test', () => {
  it('gives its output as it would be stored, its log and its progress', async () => {
    const task = taskOf((input, { log, progress }) => {
      log.info('seen', { input });
      progress(250, 'far', { at: 1 });
      return { at: new Date(0), left: undefined };
    });
    expect(await runTask(task, 7)).toEqual({
      outcome: 'succeeded',
      output: { at: '1970-01-01T00:00:00.000Z' },
      logs: [{ level: 'info', message: 'seen', fields: { input: 7 } }],
      progress: [{ percentage: 100, message: 'far', data: { at: 1 } }],
    });
  });

  it('tells what it throws, and whether and when it would be tried again', async () => {
    const task = taskOf((input) => {
      if (input === 'never') throw new TaskError('never', 'No', { retryable: false, output: [1] });
      if (input === 'later') throw new TaskError('later', 'Wait', { retryAfterMs: 5 });
      throw new Error('down');
    });
    const failed = { outcome: 'failed', output: null };
    expect(await runTask(task, 'never')).toMatchObject({
      ...{ outcome: 'failed', error: { code: 'never', message: 'No' }, output: [1], retryAfterMs: null },
    });
    expect(await runTask(task, 'later')).toMatchObject({ ...failed, retryAfterMs: 5 });
    expect(await runTask(task, 0, { attempt: 2 })).toMatchObject({ ...failed, retryAfterMs: 4_000 });
    expect(await runTask(task, 0, { attempt: 3 })).toMatchObject({ ...failed, retryAfterMs: null });
  });

  it('checks the input with the schema of the task', async () => {
    const task = taskOf((input) => input, { input: z.object({ n: z.number().default(1) }) });
    expect(await runTask(task, {})).toMatchObject({ output: { n: 1 } });
    expect(await runTask(task, { n: 'x' })).toMatchObject({ error: { code: 'invalid_input' } });
  });

  it('gives it the run, the file, the children and the workflow that the test wants', async () => {
    const task = taskOf(
      async (_input, { run, file, children, childResults, childOutput, workflowDefinition, execution }) => ({
        ...{ id: run.idempotencyKey, attempt: run.attempt, tags: execution?.tags },
        ...{ name: file?.name, text: new TextDecoder().decode(await file?.bytes()) },
        ...{ states: children.map(({ key, state }) => [key, state]) },
        ...{ outputs: (await childResults()).map(({ output }) => output) },
        whole: await childOutput(children[0]!.run_id),
        workflow: await workflowDefinition(),
      }),
    );
    const error = { code: 'x', message: 'y', detail: null };
    const workflow = { steps: [{ read: {} }] };
    const options = {
      ...{ id: 'key', attempt: 2, workflow, execution: { tags: ['a'] } },
      file: { name: 'a.txt', bytes: new TextEncoder().encode('content') },
      children: [
        { key: 'a', output: { n: 1 } },
        { key: 'b', error },
      ],
    };
    expect(await runTask(task, {}, options)).toMatchObject({
      output: {
        ...{ id: 'key', attempt: 2, tags: ['a'], name: 'a.txt', text: 'content', workflow },
        ...{
          states: [
            ['a', 'succeeded'],
            ['b', 'failed'],
          ],
          outputs: [{ inline: { n: 1 } }, { inline: null }],
          whole: { n: 1 },
        },
      },
    });
  });

  it('shows a fan-out as it would be told', async () => {
    const then = { task: 'end', input: 1 };
    const task = taskOf(() => fanOut({ children: [{ key: 'a', task: 'child', input: { n: 1 } }], then }));
    expect(await runTask(task, {})).toMatchObject({
      ...{ outcome: 'fanned_out', then, maxParallel: null },
      children: [{ key: 'a', task: 'child', input: { n: 1 } }],
    });
    const wrong = taskOf(() => fanOut({ children: [{ key: '', task: 'child', input: 1 }], then }));
    expect(await runTask(wrong, {})).toMatchObject({ error: { code: 'invalid_fan_out' } });
  });

  it('stops at once in a sleep when its signal aborts, and need not wait in a sleep of the test', async () => {
    const task = taskOf(async (_input, { sleep }) => sleep(3_600_000));
    const controller = new AbortController();
    const running = runTask(task, {}, { signal: controller.signal });
    controller.abort(new Error('cancelled by the test'));
    expect(await running).toMatchObject({ error: { message: 'cancelled by the test' } });
    const slept: number[] = [];
    const sleep = async (ms: number) => void slept.push(ms);
    expect(await runTask(task, {}, { sleep })).toMatchObject({ outcome: 'succeeded' });
    expect(slept).toEqual([3_600_000]);
  });
});
