import { describe, expect, it } from '@jest/globals';
import { TaskError } from '@longshore/tasks';
import { planExecution, planOf } from './plan-execution.ts';

const id = (n: number): string => `01a20172-dd9d-7303-89fd-0000000000${String(n).padStart(2, '0')}`;

function inputOf(hashes: readonly string[]) {
  const files = hashes.map((sha256, ordinal) => ({
    ...{ file_id: id(ordinal), name: `${ordinal}.txt`, size: 1 },
    ...{ sha256, ordinal },
  }));
  return { files, max_parallel_files: 3, workflow_version_id: id(99) };
}

/** What it throws, to be looked at. */
function thrownBy(act: () => unknown): unknown {
  try {
    return void act();
  } catch (error) {
    return error;
  }
}

describe('planning an execution', () => {
  it('makes one run per file, in the order of the request, at most so many at a time', () => {
    const { children, maxParallel } = planOf(inputOf(['a', 'b', 'c']));
    expect(children.map(({ key, fileId }) => [key, fileId])).toEqual([
      ['a', id(0)],
      ['b', id(1)],
      ['c', id(2)],
    ]);
    expect(children[1]).toMatchObject({
      task: 'file.process',
      queue: 'api_file_processing',
      input: { file_name: '1.txt', sha256: 'b' },
    });
    expect(maxParallel).toBe(3);
  });

  it('has the execution finished by one that knows every name of the request', () => {
    const { then } = planOf(inputOf(['a', 'b', 'a']));
    expect(then).toMatchObject({ task: 'execution.finish', queue: 'api_file_processing_callback' });
    expect(then.input).toEqual({
      files: [
        { ordinal: 0, file_id: id(0), name: '0.txt', sha256: 'a' },
        { ordinal: 1, file_id: id(1), name: '1.txt', sha256: 'b' },
        { ordinal: 2, file_id: id(2), name: '2.txt', sha256: 'a' },
      ],
    });
  });

  it('computes the same content once, as the first file of that content, whatever the order of the list', () => {
    const input = inputOf(['a', 'b', 'a', 'b']);
    const { children } = planOf({ ...input, files: input.files.toReversed() });
    expect(children.map(({ key, fileId }) => [key, fileId])).toEqual([
      ['a', id(0)],
      ['b', id(1)],
    ]);
  });

  it('makes a run for each name of a content where its output depends on the name', () => {
    const { files, ...rest } = inputOf(['a', 'a', 'a']);
    const keys = ['k1', 'k2', 'k1'];
    const { children, then } = planOf({
      ...rest,
      files: files.map((file, index) => ({ ...file, key: keys[index]! })),
    });
    expect(children.map(({ key, fileId }) => [key, fileId])).toEqual([
      ['k1', id(0)],
      ['k2', id(1)],
    ]);
    expect(then.input).toMatchObject({ files: keys.map((key) => ({ sha256: 'a', key })) });
  });

  it('runs nothing for a file whose earlier result is reused, and tells the one that finishes', () => {
    const input = inputOf(['a', 'b', 'a']);
    const files = input.files.map((file) => ({
      ...file,
      ...(file.sha256 === 'a' && { reused_from: id(50) }),
    }));
    expect(planExecution.parse({ ...input, files })).toHaveProperty('input');
    const { children, then } = planOf({ ...input, files });
    expect(children.map(({ key }) => key)).toEqual(['b']);
    expect(then.input).toMatchObject({ files: [{ reused: true }, { ordinal: 1 }, { reused: true }] });
    const [only] = files;
    expect(planOf({ ...input, files: [only!] }).children).toEqual([]);
  });

  it('never calls nothing a success, and does not try again', () => {
    expect(() => planOf(inputOf([]))).toThrow(TaskError);
    expect(thrownBy(() => planOf(inputOf([])))).toMatchObject({ code: 'no_files', retryable: false });
  });

  it('refuses an input that is not what the backend promises', () => {
    expect(planExecution.parse(inputOf(['a']))).toHaveProperty('input');
    expect(planExecution.parse({ ...inputOf(['a']), max_parallel_files: 0 })).toHaveProperty('problem');
    expect(planExecution.descriptor.queue).toBe('api_deployments');
  });
});
