import { describe, expect, it } from '@jest/globals';
import type { ExecutionSummary, TaskList, WorkersResponse } from '@longshore/contracts';
import type { WorkerStats } from '../client/worker-metrics.ts';
import { executionLines } from './execution-lines.ts';
import { table } from './table.ts';
import { listLines } from './task-lines.ts';
import { statsLines } from './worker-lines.ts';

const ID = '019a0000-0000-7000-8000-000000000000';
const COLUMNS = 60;
const narrow = { columns: COLUMNS };
const widthOf = (lines: readonly string[]) => Math.max(...lines.map((line) => line.length));

describe('a table', () => {
  const text = 'x'.repeat(150);

  it('shortens nothing where there is no terminal, but text that would fill the screen', () => {
    expect(table(['NAME', 'REMARK'], [['a', text]])[2]).toBe(`a     ${text}`);
    expect(table(['NAME', 'REMARK'], [['a', text.repeat(2)]])[2]).toHaveLength('NAME  '.length + 200);
  });

  it('uses a wide terminal', () => {
    expect(table(['NAME', 'REMARK'], [['a', text]], { columns: 200 })[2]).toBe(`a     ${text}`);
  });

  it('keeps numbers and times whole as long as there is text to shorten', () => {
    const row = [text, '132.4 MB', '2 min 5 s', '2026-05-01 12:00:00Z', text];
    const lines = table(['NAME', 'SIZE', 'TOOK', 'AT', 'REMARK'], [row], { columns: 69 });
    expect(lines[2]).toContain('…  132.4 MB  2 min 5 s  2026-05-01 12:00:00Z  xxxx');
    expect(widthOf(lines)).toBe(69);
  });

  it('never cuts what is to be typed again: other columns go first, and are named below', () => {
    const name = 'file-processing-reading-host-31234';
    const row = [name, '31234', '2 min 5 s', text];
    const look = { columns: 48, dispensable: ['PID', 'UP'], whole: ['INSTANCE'] };
    const lines = table(['INSTANCE', 'PID', 'UP', 'QUEUES'], [row], look);
    expect(lines[2]).toMatch(new RegExp(`^${name}  x+…$`));
    expect(lines.slice(3).join(' ')).toBe(
      'Not shown at this width: PID, UP. A wider terminal or --json has them.',
    );
    expect(widthOf(lines)).toBeLessThanOrEqual(48);
    const wide = table(['INSTANCE', 'PID', 'UP', 'QUEUES'], [row], { ...look, columns: 300 });
    expect(wide).toHaveLength(3);
  });

  it('is rather wider than the terminal than without the whole of what is to be typed again', () => {
    const name = 'x'.repeat(30);
    expect(table(['NAME', 'AT'], [[name, 'b']], { columns: 20, whole: ['NAME'] })[2]).toMatch(`${name}  b`);
  });

  it('cuts numbers as well before it is wider than the terminal', () => {
    const lines = table(['NAME', 'AT'], [['a', '2026-05-01 12:00:00Z']], { columns: 20 });
    expect(widthOf(lines)).toBe(20);
  });
});

describe('at a terminal of 60 columns', () => {
  it('"workers --stats" has whole names and numbers', () => {
    const session = {
      ...{ session_id: ID, instance: 'general-worker-12345', hostname: 'h', pid: 7, concurrency: 16 },
      ...{ active: 12, state: 'draining' as const, health_port: 8081, seen_ms_ago: 5 },
      started_at: '2026-01-01T00:00:00Z',
    };
    const pool = { pool: 'p', worker: 'file_processing', queues: [], tasks: [], sessions: [session] };
    const did: WorkerStats = {
      ...{ done: 12_345, failed: 17, average_ms: 186, cpu_percent: 12, memory_bytes: 132_400_000 },
    };
    const lines = statsLines({ pools: [pool] } as WorkersResponse, new Map([[ID, did]]), narrow);
    expect(widthOf(lines)).toBeLessThanOrEqual(COLUMNS);
    expect(lines[2]).toMatch(/^general-worker-12345 .*12345 +17 +132\.4 MB$/);
    const wider = statsLines({ pools: [pool] } as WorkersResponse, new Map([[ID, did]]), { columns: 80 });
    expect(wider[2]).toMatch(/^file_processing +general-worker-12345 .*12345 +17 +186 ms +132\.4 MB$/);
  });

  it('"executions list" has whole ids, states and deployments', () => {
    const one: ExecutionSummary = {
      ...{ execution_id: ID, organisation: 'default', kind: 'api', api_name: 'invoices', tags: [] },
      ...{ status: 'COMPLETED', total_files: 3, successful_files: 3, failed_files: 0, error: null },
      ...{ created_at: '2026-01-01T00:00:00Z', started_at: null, finished_at: null, replay_of: null },
    };
    const lines = executionLines([one], Date.parse('2026-01-01T02:03:00Z'), narrow);
    expect(widthOf(lines)).toBeLessThanOrEqual(COLUMNS);
    expect(lines[2]).toMatch(new RegExp(`^${ID} +COMPLETED +invoices`));
    const wider = executionLines([one], Date.parse('2026-01-01T02:03:00Z'), { columns: 80 });
    expect(wider[2]).toMatch(/3 +2 h 3 min$/);
    expect(wider.slice(3).join(' ')).toBe(
      'Not shown at this width: TOOK. A wider terminal or --json has them.',
    );
    const failed = { ...one, status: 'ERROR' as const, error: 'All files failed' };
    expect(executionLines([failed], 0, { columns: 80 })[2]).toContain('All fil');
  });

  it('"tasks list" has whole ids and states, and whole times where there is room for them', () => {
    const task = {
      ...{ task_id: ID, organisation: 'o', task_name: 'example_long_running', status: 'cancelled' as const },
      ...{ queue: 'q', priority: 0, created_at: '2026-05-01T12:00:00.123Z', run_at: null, started_at: null },
      ...{ finished_at: null, error: 'a text that is longer than there is room for', retry_of: null },
    };
    const page = { tasks: [task], total: 1, total_is_exact: true, limit: 1, offset: 0, has_more: false };
    const lines = (columns: number) => listLines(page satisfies TaskList, { columns });
    expect(widthOf(lines(COLUMNS))).toBeLessThanOrEqual(COLUMNS);
    expect(lines(COLUMNS)[2]).toBe(`${ID}  example_lo…  cancelled`);
    expect(lines(80)[2]).toContain('2026-05-01 12:00:00Z');
    expect(widthOf(lines(80))).toBeLessThanOrEqual(80);
  });
});
