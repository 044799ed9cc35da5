import { describe, expect, it } from '@jest/globals';
import type { ChildSummary } from '@longshore/contracts';
import { finishExecution, tallyOf, verdict } from './finish-execution.ts';

const id = (n: number): string => `01a20172-dd9d-7303-89fd-0000000000${String(n).padStart(2, '0')}`;

function filesOf(hashes: readonly string[]) {
  return hashes.map((sha256, ordinal) => ({ ordinal, file_id: id(ordinal), name: `${ordinal}.txt`, sha256 }));
}

function child(key: string, state: ChildSummary['state'], message?: string) {
  return { key, state, error: message === undefined ? null : { code: 'unreadable', message } };
}

function end(hashes: readonly string[], children: readonly ReturnType<typeof child>[]) {
  return verdict(tallyOf(filesOf(hashes), children), children);
}

/** What it throws, to be looked at. */
function thrownBy(act: () => unknown): unknown {
  try {
    return void act();
  } catch (error) {
    return error;
  }
}

describe('the end of an execution', () => {
  it('is a success with failures when some files failed', () => {
    const children = [
      child('a', 'succeeded'),
      child('b', 'failed', 'The file is empty.'),
      child('c', 'succeeded'),
    ];
    expect(end(['a', 'b', 'c'], children)).toEqual({ total: 3, succeeded: 2, failed: 1 });
  });

  it('counts a file whose earlier result was reused as a success, beside others and alone', () => {
    const files = filesOf(['a', 'b']).map((file) => ({ ...file, reused: file.sha256 === 'a' }));
    const children = [child('b', 'failed', 'The file is empty.')];
    expect(verdict(tallyOf(files, children), children)).toEqual({ total: 2, succeeded: 1, failed: 1 });
    expect(verdict(tallyOf([files[0]!], []), [])).toEqual({ total: 1, succeeded: 1, failed: 0 });
  });

  it('counts the same content under each of its names', () => {
    const children = [child('a', 'succeeded'), child('b', 'failed')];
    expect(end(['a', 'a', 'b', 'b', 'b'], children)).toEqual({ total: 5, succeeded: 2, failed: 3 });
  });

  it('counts a content by name where its output depends on the name', () => {
    const files = filesOf(['a', 'a']).map((file, index) => ({ ...file, key: `k${index}` }));
    const children = [child('k0', 'succeeded'), child('k1', 'failed', 'No total.')];
    expect(tallyOf(files, children)).toEqual({ total: 2, succeeded: 1, failed: 1 });
  });

  it('failure mode 13: is a failure when all files failed: says why the first did, and keeps the count', () => {
    const failed = [child('a', 'failed', 'The file is empty.'), child('b', 'failed', 'The file is locked.')];
    expect(thrownBy(() => end(['a', 'b'], failed))).toMatchObject({
      ...{ code: 'all_files_failed', retryable: false, output: { total: 2, succeeded: 0, failed: 2 } },
      message: 'None of the 2 files could be processed: The file is empty.',
    });
  });

  it('speaks of a single file as one', () => {
    const end1 = () => end(['a'], [child('a', 'failed', 'The file is empty.')]);
    expect(thrownBy(end1)).toMatchObject({ message: 'The file could not be processed: The file is empty.' });
  });

  it.each([
    ['no file was asked for', [], []],
    ['no file has a run', ['a'], []],
    ['its file was cancelled', ['a'], [child('a', 'cancelled')]],
    ['its file has not ended', ['a'], [child('a', 'running')]],
    ['the runs are of other files', ['a'], [child('b', 'succeeded')]],
  ])('is a failure when %s', (_when, hashes, children) => {
    expect(thrownBy(() => end(hashes, children))).toMatchObject({ code: 'all_files_failed' });
  });

  it('has the limits and the queue of the callback worker', () => {
    expect(finishExecution.descriptor).toMatchObject({
      ...{ name: 'execution.finish', queue: 'api_file_processing_callback' },
      ...{ soft_limit_ms: 3_300_000, hard_limit_ms: 3_600_000 },
    });
  });
});
