import { describe, expect, it } from '@jest/globals';
import type { WorkflowDefinition } from '@longshore/contracts';
import type { TaskContext } from '@longshore/tasks';
import type { ProcessedFile } from './process-file.ts';
import { createProcessFile } from './process-file.ts';
import type { ReadingResult } from './reading/messages.ts';
import { ReadingError } from './reading/reading-error.ts';
import type { ReadingPool } from './reading/reading-pool.ts';

type ProcessOptions = Parameters<ReadingPool['process']>[1];

const definition: WorkflowDefinition = {
  steps: [
    { read: {} },
    {
      extract: {
        fields: {
          total: { type: 'number', label: 'Total', required: true },
          due: { type: 'date', label: 'Due' },
          lines: { type: 'table', columns: { amount: { heading: 'Amount', type: 'number' } } },
        },
      },
    },
  ],
};
const read: ReadingResult = {
  output: { total: 42 },
  problems: [],
  document: { kind: 'txt', mediaType: 'text/plain', pageCount: 1, characters: 9, warnings: [] },
  elapsedMs: 3,
};

/** The task over a pool that answers as the test says, with a context of a claimed file run. */
function setup(answer: () => Promise<ReadingResult>, { includeText = false, file = true } = {}) {
  const asked: { bytes: string; options: ProcessOptions }[] = [];
  const task = createProcessFile({
    process: (bytes, options) => {
      asked.push({ bytes: Buffer.from(bytes).toString(), options });
      return answer();
    },
  });
  const { signal } = new AbortController();
  const context = {
    file: file ? { name: 'invoice.txt', bytes: async () => Buffer.from('total: 42') } : null,
    execution: {
      workflow_version_id: 'version-1',
      custom_data: { vendor: 'Acme' },
      include_extracted_text: includeText,
    },
    workflowDefinition: async () => definition,
    signal,
  } as unknown as TaskContext;
  const run = () => task.handle({ file_name: 'invoice.txt', sha256: 'a' }, context) as Promise<ProcessedFile>;
  return { task, run, asked, signal };
}

describe('processing a file', () => {
  it('reads its bytes by the workflow of the execution and reports fields and kind', async () => {
    const { run, asked, signal } = setup(async () => read);
    expect(await run()).toEqual({
      output: { total: 42 },
      document: { kind: 'txt', media_type: 'text/plain', pages: 1, characters: 9 },
      elapsed_ms: expect.any(Number),
    });
    expect(asked).toEqual([
      {
        bytes: 'total: 42',
        options: {
          name: 'invoice.txt',
          customData: { vendor: 'Acme' },
          definition,
          definitionId: 'version-1',
          signal,
          includeText: true,
        },
      },
    ]);
  });

  it('reports where each value comes from', async () => {
    const fields = { total: { rule: 'label' as const, text: '42', page: 1, line: 1, score: 1 } };
    const { run } = setup(async () => ({ ...read, fields }));
    expect(await run()).toMatchObject({ output: { total: 42 }, fields });
  });

  it('reports the text only where it was asked for', async () => {
    const { run, asked } = setup(async () => ({ ...read, text: 'total: 42' }), { includeText: true });
    expect(await run()).toMatchObject({ extracted_text: 'total: 42' });
    expect(asked[0]?.options.includeText).toBe(true);
  });

  it.each(['timeout', 'memory', 'bad_definition'] as const)('fails for good on %s', async (reason) => {
    const { run } = setup(() => Promise.reject(new ReadingError(reason, 'A sentence for a person.')));
    await expect(run()).rejects.toMatchObject({
      code: reason,
      message: 'A sentence for a person.',
      retryable: false,
    });
  });

  it('fails for good on a document that cannot be read, with what is wrong with it as the code', async () => {
    const { run } = setup(() =>
      Promise.reject(new ReadingError('unreadable', 'It is encrypted.', { detail: 'encrypted' })),
    );
    await expect(run()).rejects.toMatchObject({
      code: 'encrypted',
      message: 'It is encrypted.',
      retryable: false,
    });
  });

  it.each(['crashed', 'closed', 'aborted'] as const)('is tried again when its reader %s', async (reason) => {
    const { run } = setup(() => Promise.reject(new ReadingError(reason, 'It stopped.')));
    await expect(run()).rejects.toMatchObject({ code: reason, retryable: true });
  });

  it('is no success with a problem that fails the file. It says so, and keeps what was found', async () => {
    const problems = [
      { field: 'due', reason: 'conversion', outcome: 'problem', message: 'due: "soon" is not a date.' },
      { field: 'total', reason: 'missing', outcome: 'fail', message: 'total is required.' },
      { field: 'total', reason: 'validation', outcome: 'fail', message: 'It is too much.' },
    ] as const;
    const { run } = setup(async () => ({ ...read, problems }));
    await expect(run()).rejects.toMatchObject({
      ...{ code: 'incomplete', message: 'total is required. It is too much.', retryable: false },
      output: { output: { total: 42 }, problems },
    });
  });

  it('is a success with other problems, which are told beside the output', async () => {
    const problems = [
      { field: 'due', reason: 'conversion', outcome: 'problem', message: 'due: "soon" is not a date.' },
    ] as const;
    const { run } = setup(async () => ({ ...read, problems }));
    expect(await run()).toMatchObject({ output: { total: 42 }, problems });
  });

  it('does not pass without a file', async () => {
    const { run } = setup(async () => read, { file: false });
    await expect(run()).rejects.toMatchObject({ code: 'no_file', retryable: false });
  });

  it('has two hours, and hears of it a quarter of an hour before', () => {
    const { task } = setup(async () => read);
    expect(task.descriptor).toMatchObject({ soft_limit_ms: 6_300_000, hard_limit_ms: 7_200_000 });
  });
});
