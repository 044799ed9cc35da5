import { describe, expect, it } from '@jest/globals';
import type { WorkersResponse } from '@longshore/contracts';
import { statsLines, workerLines } from './worker-lines.ts';

type Session = WorkersResponse['pools'][number]['sessions'][number];

const session: Session = {
  ...{ session_id: '019a0000-0000-7000-8000-000000000000', instance: 'general-1', hostname: 'h', pid: 7 },
  ...{ concurrency: 6, active: 1, state: 'active', health_port: 8081, seen_ms_ago: 5 },
  started_at: '2026-01-01T00:00:00Z',
};
const poolOf = (...sessions: Session[]): WorkersResponse => ({
  pools: [{ pool: 'p', worker: 'general', queues: ['general'], tasks: ['a', 'b'], sessions }],
});
const now = Date.parse('2026-01-01T00:01:00Z');

describe('longshore workers', () => {
  it('lists what is alive, also from a backend that does not tell of task files', () => {
    const lines = workerLines(poolOf(session), now);
    expect(lines).toHaveLength(3);
    expect(lines[2]).toMatch(/^general +general-1 +7 +active +1\/6 +general +2 +:8081 +\S+/);
  });

  it('has the whole name of each process at 80 columns, and says what it has not', () => {
    const instance = 'file-processing-warehouse-2-server-31234';
    const lines = workerLines(poolOf({ ...session, instance, pid: 31_234 }), now, { columns: 80 });
    expect(lines[2]).toContain(` ${instance} `);
    expect(lines[3]).toMatch(/^Not shown at this width: /);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
  });

  it('says of a process whose main loop stands still for how long it does, and nothing of one that turns', () => {
    const standing = poolOf({ ...session, loop_age_ms: 12_300 }, { ...session, loop_age_ms: 3_000 });
    for (const lines of [workerLines(standing, now), statsLines(standing, new Map())]) {
      expect(lines[2]).toMatch(/ active, stands still 12\.3 s +1\/6 /);
      expect(lines[3]).toMatch(/ active +1\/6 /);
    }
  });

  it('names each task file that was not loaded once, with the reason in one line', () => {
    const skipped_task_files = [{ file: '/tasks/a.ts', reason: 'Unexpected\n  end of input' }];
    const lines = workerLines(
      poolOf({ ...session, skipped_task_files }, { ...session, skipped_task_files }),
      now,
    );
    expect(lines.slice(-3)).toEqual([
      '',
      'Task files that were not loaded:',
      '  general: /tasks/a.ts: Unexpected end of input',
    ]);
  });

  it('names the workers of which no process is alive', () => {
    expect(workerLines(poolOf(), now)).toEqual(['No process alive: general.']);
    expect(workerLines({ pools: [] }, now)).toEqual([
      'No worker has registered yet: "longshore up" or "longshore worker" starts them.',
    ]);
  });
});
