import { describe, expect, it } from '@jest/globals';
import { verdictOn } from './finish-execution.ts';

const ok = { state: 'succeeded' as const, error: null };
const bad = { state: 'failed' as const, error: { code: 'empty', message: 'The file is empty.' } };

describe('the end of an execution', () => {
  it('is a success with failures when some files failed', () => {
    expect(verdictOn([ok, bad, ok])).toEqual({ total: 3, succeeded: 2, failed: 1 });
  });

  it('is an error when all files failed, and says why the first one did', () => {
    expect(() => verdictOn([bad, bad])).toThrow('All 2 files failed; the first one: The file is empty.');
  });

  it('is an error when nothing was processed', () => {
    expect(() => verdictOn([])).toThrow('No file was processed.');
  });
});
