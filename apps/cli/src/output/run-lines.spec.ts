import { describe, expect, it } from '@jest/globals';
import type { Run, TaskDetail } from '@longshore/contracts';
import { lineFor } from '../commands/logs.ts';
import { runLines } from './run-lines.ts';
import { eventLine, taskDetailLines } from './task-lines.ts';

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
          '2026-05-01 12:00:00Z',
          '2026-05-01 12:00:02Z',
          '2.0 s',
        ],
        run.run_id,
      ],
      ['file.process march.pdf', 'running', '2', 'two', '2026-05-01 12:00:20Z', '-', '-', run.run_id],
      ['file.process', 'queued', '-', '-', '-', '-', '-', run.run_id],
    ]);
    expect(lines.slice(-2)).toEqual(['Errors:', '  file.process march.pdf: no paper (broken)']);
  });

  it('may be none', () => {
    expect(runLines([])).toEqual(['There is no such run.']);
  });
});

describe('what a program said', () => {
  const said = (message: string) => ({
    at: '2026-05-01T12:00:00.000Z',
    level: 'info' as const,
    message,
    fields: null,
  });

  it('keeps the spaces by which its lines are set in, and nothing that moves a terminal', () => {
    expect(eventLine({ event: 'log', data: said('    raise ValueError(1)') })).toBe(
      '2026-05-01T12:00:00.000Z INFO     raise ValueError(1)',
    );
    const line = {
      ...said('\tat\u001b[2J  Main.java:3\r\n'),
      line: 1,
      run_id: run.run_id,
      file: null,
      task: 'shop',
    };
    expect(lineFor(line)).toBe('2026-05-01T12:00:00.000Z INFO shop:     at [2J  Main.java:3');
  });
});

describe('one task', () => {
  const task: TaskDetail = {
    ...{
      task_id: run.run_id,
      organisation: 'o',
      task_name: 'work',
      status: 'failed',
      queue: 'q',
      priority: 0,
    },
    ...{
      created_at: '2026-05-01T12:00:00.000Z',
      run_at: null,
      started_at: null,
      finished_at: null,
      retry_of: null,
    },
    ...{ parameters: {}, progress: null, error: null, worker: 'w-1', past_attempts: [], waits_for_limit: [] },
    ...{ attempts: 1, max_attempts: 3, starts: 1 },
  };
  const past = {
    attempt: 1,
    error: null,
    started_at: null,
    ended_at: '2026-05-01T12:00:01.000Z',
    worker: 'w-1',
  };

  it.each<[string, Partial<TaskDetail>, string]>([
    ['that is not worth another attempt', {}, '1 failed, and no other follows (at most 3); started once'],
    ['that used up its attempts', { attempts: 3, starts: 3 }, '3 failed of at most 3; started 3 times'],
    [
      'whose worker was lost',
      { status: 'finished', attempts: 0, starts: 2, past_attempts: [{ ...past, outcome: 'worker_lost' }] },
      '0 failed of at most 3; started 2 times',
    ],
    [
      'that was handed back',
      { status: 'finished', attempts: 0, past_attempts: [{ ...past, outcome: 'handed_back' }] },
      '0 failed of at most 3; started once beside 1 handed back',
    ],
  ])('%s tells its attempts and its starts apart', (_which, changes, told) => {
    expect(taskDetailLines({ ...task, ...changes })).toContain(`attempts: ${told}, last by w-1`);
  });
});
