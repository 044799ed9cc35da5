import { describe, expect, it } from '@jest/globals';
import { apiError, ApiError, type ExecutionDetail } from '@longshore/contracts';
import { ChildStartError } from '@longshore/runtime';
import { z } from 'zod';
import { duration } from './duration.ts';
import { createProgress } from './execution-progress.ts';
import { explainError } from './explain-error.ts';
import { resultLines } from './result-table.ts';
import { table } from './table.ts';
import { createTerminal } from './terminal.ts';

describe('a duration', () => {
  it.each([
    [0, '0 ms'],
    [999.4, '999 ms'],
    [1000, '1.0 s'],
    [59_940, '59.9 s'],
    [60_000, '1 min 0 s'],
    [3_599_999, '1 h 0 min'],
    [7_380_000, '2 h 3 min'],
  ])('of %d ms is written as %s', (ms, written) => {
    expect(duration(ms)).toBe(written);
  });
});

describe('a table', () => {
  it('is as wide as it has to be and no wider than it may', () => {
    expect(
      table(
        ['A', 'LONG'],
        [
          ['xyz', '1'],
          ['y', 'abcdefgh'],
        ],
        { widest: 6 },
      ),
    ).toEqual(['A    LONG', '───  ──────', 'xyz  1', 'y    abcde…']);
  });

  it('keeps line breaks and terminal controls of a document out', () => {
    expect(table(['A'], [['one\ntwo\u001B[31m\u202Ered']])[2]).toBe('one two [31m red');
  });

  it('is nothing without rows', () => {
    expect(table(['A'], [])).toEqual([]);
  });
});

describe('an error', () => {
  const exit = { name: 'backend', code: 1, signal: null, lastLines: ['', 'no database'] };
  it.each([
    [
      apiError('authentication_failed', 'Unauthorized'),
      'The platform refused the key (Unauthorized): check the key and the address.',
    ],
    [apiError('invalid', 'must be a number', 'timeout'), 'The platform refused: timeout: must be a number.'],
    [
      new ApiError(429, [{ code: 'x', detail: 'Too many.', attr: null }], 5),
      'The platform refused: Too many. Try again in 5 s.',
    ],
    [new ChildStartError(exit), 'The backend process ended before it was ready (exit code 1):\nno database'],
    [new Error('plain'), 'plain'],
    ['text', 'text'],
  ])('is one sentence for a person: %#', (error, sentence) => {
    expect(explainError(error)).toBe(sentence);
  });

  it('of an answer in another shape names the remedy', () => {
    const error = z.object({ a: z.string() }).safeParse({}).error;
    expect(explainError(error)).toContain('use the command of its release');
  });
});

const ID = '019a0000-0000-7000-8000-000000000000';
const metadata = {
  source_name: 'a.pdf',
  source_hash: '',
  file_execution_id: ID,
  total_elapsed_time: 1,
  workflow_id: ID,
  execution_id: ID,
  workflow_start_time: 1,
  organization_id: 'default',
  tags: [],
};

function detail(changes: Partial<ExecutionDetail>): ExecutionDetail {
  const times = { created_at: '2026-01-01T00:00:00Z', started_at: null, finished_at: null };
  const counts = { total_files: 2, successful_files: 0, failed_files: 0 };
  return {
    execution_id: ID,
    organisation: 'default',
    kind: 'api',
    api_name: 'x',
    tags: [],
    workflow_version: 1,
    timings: { waited_ms: null, worked_ms: null },
    status: 'COMPLETED',
    error: null,
    files: [],
    result: null,
    result_expired: false,
    skipped: null,
    replay_of: null,
    ...times,
    ...counts,
    ...changes,
  };
}

describe('results', () => {
  const success = { file: 'a.pdf', file_execution_id: ID, status: 'Success' as const, error: null, metadata };
  const failure = {
    ...success,
    file: 'b.pdf',
    status: 'Failed' as const,
    result: null,
    error: 'It is cut off',
  };

  it('are a table of fields with the reasons of failures below it', () => {
    const output = { number: 'A-1', total: 12.5, paid: null, lines: [{ x: 1 }, { x: 2 }], tags: ['p', 'q'] };
    expect(resultLines(detail({ result: [{ ...success, result: { output } }, failure] }))).toEqual([
      'FILE   number  total  paid  lines   tags',
      '─────  ──────  ─────  ────  ──────  ────',
      'a.pdf  A-1     12.5   -     2 rows  p, q',
      '',
      '1 file failed:',
      '  b.pdf: It is cut off',
    ]);
  });

  it('show the named fields first', () => {
    const output = { total: 1, number: 'A-1', paid: true };
    const [head] = resultLines(detail({ result: [{ ...success, result: { output } }] }), {}, [
      'number',
      'absent',
      'total',
    ]);
    expect(head?.split(/ +/)).toEqual(['FILE', 'number', 'total', 'paid']);
  });

  it('say how an execution ended that was not completed', () => {
    expect(resultLines(detail({ status: 'ERROR', error: 'all files failed' }))).toEqual([
      '',
      'The execution ended as ERROR: all files failed.',
    ]);
  });
});

function sink(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, columns: 20, written, write: (text: string) => written.push(text) };
}

describe('the terminal', () => {
  it('shows a status that the next line replaces', () => {
    const [out, err] = [sink(true), sink(true)];
    const terminal = createTerminal(out, err);
    terminal.status('a status that is too long for it');
    terminal.err('line');
    terminal.err('next');
    expect(err.written).toEqual(['a status that is to', '\r\u001B[K', 'line\n', 'next\n']);
    expect(out.written).toEqual([]);
  });

  it('shows no status where nobody watches', () => {
    const [out, err] = [sink(false), sink(false)];
    createTerminal(out, err).status('busy');
    expect([...out.written, ...err.written]).toEqual([]);
  });
});

describe('progress', () => {
  it('is told once for each change of a file', () => {
    const err = sink(false);
    const show = createProgress(createTerminal(sink(false), err));
    const run = {
      file: 'a.pdf',
      file_execution_id: ID,
      size: 1,
      worker: null,
      attempt: 1,
      starts: 1,
      error: null,
      attempts: [],
    };
    const times = { started_at: '2026-01-01T00:00:00.000Z', finished_at: null };
    show(detail({ files: [{ ...run, ...times, state: 'queued' }] }));
    show(detail({ files: [{ ...run, ...times, state: 'running' }] }));
    show(detail({ files: [{ ...run, ...times, state: 'running' }] }));
    const ended = { ...times, finished_at: '2026-01-01T00:00:00.250Z' };
    const error = { code: 'x', message: 'cut off', detail: null };
    show(detail({ files: [{ ...run, ...ended, state: 'failed', error }] }));
    expect(err.written).toEqual(['  …  a.pdf\n', '  ✗  a.pdf in 250 ms: cut off\n']);
  });
});
