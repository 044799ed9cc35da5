import { describe, expect, it } from '@jest/globals';
import type { Run } from '@longshore/contracts';
import { runLines } from './run-lines.ts';

const run: Run = {
  ...{ run_id: '019a0000-0000-7000-8000-000000000001', parent_id: null, key: null, task: 'file.process' },
  ...{ queue: 'q', file: 'march.pdf', state: 'failed', starts: 2, created_at: '2026-05-01T12:00:00.000Z' },
  ...{ started_at: null, finished_at: null, error: { code: 'broken', message: 'no\npaper', detail: null } },
  attempts: [
    {
      ...{
        epoch: 1,
        worker: 'one',
        started_at: '2026-05-01T12:00:00.000Z',
        ended_at: '2026-05-01T12:00:02.000Z',
      },
      ...{ outcome: 'lapsed', error: null },
    },
    {
      epoch: 2,
      worker: 'two',
      started_at: '2026-05-01T12:00:20.000Z',
      ended_at: null,
      outcome: 'running',
      error: null,
    },
  ],
};

describe('runs', () => {
  it('have a line for each attempt: which worker, from when to when, and how it ended', () => {
    const lines = runLines([run, { ...run, file: null, state: 'queued', error: null, attempts: [] }]);
    expect(lines.slice(2, 5).map((line) => line.split(/ {2,}/))).toEqual([
      [
        ...[
          'file.process march.pdf',
          'worker lost',
          '1',
          'one',
          '2026-05-01 12:00:00',
          '2026-05-01 12:00:02',
          '2.0 s',
        ],
        run.run_id,
      ],
      ['file.process march.pdf', 'running', '2', 'two', '2026-05-01 12:00:20', '-', '-', run.run_id],
      ['file.process', 'queued', '-', '-', '-', '-', '-', run.run_id],
    ]);
    expect(lines.slice(-2)).toEqual(['Errors:', '  file.process march.pdf: no paper (broken)']);
  });

  it('may be none', () => {
    expect(runLines([])).toEqual(['There is no such run.']);
  });
});
