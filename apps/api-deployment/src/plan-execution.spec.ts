import { describe, expect, it } from '@jest/globals';
import { isFanOut, type TaskContext } from '@longshore/tasks';
import { planExecution } from './plan-execution.ts';

const id = (n: number) => `01a20172-dd9d-7303-89fd-0000000000${String(n).padStart(2, '0')}`;

function plan(hashes: readonly string[]) {
  const files = hashes.map((sha256, ordinal) => ({
    file_id: id(ordinal),
    name: `${ordinal}.txt`,
    size: 1,
    sha256,
    ordinal,
  }));
  const input = { files, max_parallel_files: 3, workflow_version_id: id(99) };
  const result = planExecution.handle(input, {} as TaskContext);
  if (!isFanOut(result)) throw new Error('not a fan-out');
  return result.plan;
}

describe('planning an execution', () => {
  it('makes one file run per file, in the order of the request, and one that finishes', () => {
    const { children, then, maxParallel } = plan(['a', 'b', 'c']);
    expect(children.map(({ key, fileId }) => [key, fileId])).toEqual([
      ['a', id(0)],
      ['b', id(1)],
      ['c', id(2)],
    ]);
    expect(then).toMatchObject({ task: 'execution.finish', input: { total_files: 3 } });
    expect(maxParallel).toBe(3);
  });

  it('computes the same content once, as the first file of that content', () => {
    expect(plan(['a', 'b', 'a']).children.map(({ key, fileId }) => [key, fileId])).toEqual([
      ['a', id(0)],
      ['b', id(1)],
    ]);
  });

  it('refuses to call nothing a success', () => {
    expect(() => plan([])).toThrow('There is no file to process.');
  });
});
