import { describe, expect, it } from '@jest/globals';
import type { LedgerEntry } from './ledger.ts';
import { reportLines } from './report.ts';
import { summarise, type SummaryInput } from './summary.ts';

function entry(tag: string, from: number, to: number): LedgerEntry {
  const last = {
    status: 'COMPLETED' as const,
    error: null,
    totalFiles: 1,
    successfulFiles: 1,
    failedFiles: 0,
    results: [
      {
        file: 'a',
        fileExecutionId: 'f',
        status: 'Success' as const,
        output: { number: tag, total: 1 },
        error: null,
      },
    ],
  };
  return {
    tag,
    files: [{ name: 'a', output: { number: tag, total: 1 } }],
    postedAt: from,
    acceptedAt: from,
    executionIds: [`execution-${tag}`],
    samples: [
      { at: from, status: 'PENDING' },
      { at: to, status: 'COMPLETED' },
      { at: 99_000, status: 'COMPLETED' }, // Read again at the end.
    ],
    first: last,
    last,
  };
}

function input(changes: Partial<SummaryInput> = {}): SummaryInput {
  return {
    seed: 7,
    broker: 'redis',
    duration_s: 60,
    webhooks: { events: 3, delivered: 2, repeated: 1, dead: 1, lost: 0, twice: 0 },
    violations: [],
    home: null,
    tasks: [],
    rows: 2,
    entries: [entry('early', 0, 900), entry('long', 1_000, 9_000), entry('quick', 5_000, 5_500)],
    injected: [
      { at: 2_000, fault: { kind: 'redis', how: 'flush' } },
      { at: 5_200, fault: { kind: 'kill', target: 'backend-1' } },
    ],
    ...changes,
  };
}

describe('the summary', () => {
  it('counts, and names the longest execution in which a fault struck, up to its first end', () => {
    expect(summarise(input())).toMatchObject({
      faults: { kill: 1, freeze: 0, redis: 1, postgres: 0, network: 0, repeat: 0 },
      executions: { accepted: 3, ended: 3, across_a_fault: 2 },
      files: { sent: 3, results: 3, rows: 2 },
      losses: 0,
      duplicates: 0,
      slowest_recovery: { ms: 8_000, execution_id: 'execution-long', faults: 2, fault: 'kill -9 backend-1' },
    });
  });

  it('has no recovery when nothing was struck', () => {
    expect(summarise(input({ injected: [] })).slowest_recovery).toBeNull();
  });
});

describe('the report', () => {
  it('says that the promise was kept', () => {
    const lines = reportLines(summarise(input()));
    expect(lines.join('\n')).toMatch(
      /losses +0\nduplicates +0\nother violations +0\nslowest recovery +8\.0 s \(execution-long, 2 faults, the last: kill -9 backend-1\)/,
    );
    expect(lines.join('\n')).toMatch(
      /webhooks +3 ends in 2 deliveries, 1 repeated, 1 given up and asked for again, 0 lost, 0 twice/,
    );
    expect(lines.at(-1)).toBe('Nothing accepted was lost or done twice.');
  });

  it('says what was broken, where to look, and how to see it again', () => {
    const violations = [
      { kind: 'lost' as const, about: 'execution-long', what: 'it did not end' },
      ...Array.from({ length: 30 }, () => ({ kind: 'doubled' as const, about: 'x', what: 'twice' })),
    ];
    const text = reportLines(summarise(input({ violations, home: '/somewhere' }))).join('\n');
    expect(text).toMatch(/lost +execution-long +it did not end/);
    expect(text).toMatch(/losses +1\nduplicates +30/);
    expect(text).toContain('… and 11 more.');
    expect(text).toContain('Its home is kept in /somewhere');
    expect(text).toContain('longshore chaos --seed 7');
    expect(text).not.toContain('Nothing accepted was lost');
  });
});
