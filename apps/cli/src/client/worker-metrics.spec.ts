import { hostname } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import type { WorkersResponse } from '@longshore/contracts';
import { statsLines } from '../output/worker-lines.ts';
import { readSamples } from './metric-samples.ts';
import { askWorkers } from './worker-metrics.ts';

type Session = WorkersResponse['pools'][number]['sessions'][number];

const ids = [1, 2, 3].map((n) => `019a0000-0000-7000-8000-00000000000${n}`);
const session = (index: number, changes: Partial<Session> = {}): Session => ({
  ...{ session_id: ids[index]!, instance: `worker-h-${index}`, hostname: hostname(), pid: 7 },
  ...{ concurrency: 6, active: 1, state: 'active', health_port: 8081, seen_ms_ago: 5 },
  started_at: '2026-01-01T00:00:00Z',
  ...changes,
});
const poolOf = (...sessions: Session[]): WorkersResponse => ({
  pools: [{ pool: 'p', worker: 'general', queues: ['general'], tasks: ['a'], sessions }],
});

/** What two processes behind one port say, the second time with more processor time used. */
function answers(): string[] {
  const page = (cpu: number) => `# HELP longshore_worker_runs_total Attempts
longshore_worker_runs_total{task="a",outcome="succeeded",worker="general",process="worker-h-0"} 40
longshore_worker_runs_total{task="b \\"x\\", {y}",outcome="fanned_out",worker="general",process="worker-h-0"} 2
longshore_worker_runs_total{task="a",outcome="failed",worker="general",process="worker-h-0"} 3
longshore_worker_runs_total{task="a",outcome="released",worker="general",process="worker-h-0"} 5
longshore_worker_runs_total{task="a",outcome="succeeded",worker="general",process="worker-h-1"} 7
longshore_worker_run_duration_seconds_sum{task="a",worker="general",process="worker-h-0"} 5
longshore_worker_run_duration_seconds_count{task="a",worker="general",process="worker-h-0"} 50
process_cpu_seconds_total{worker="general",process="worker-h-0"} ${cpu}
process_cpu_seconds_total{worker="general",process="supervisor"} 99
process_resident_memory_bytes{worker="general",process="worker-h-0"} 120000000
process_resident_memory_bytes{worker="general",process="worker-h-1"} 80000000
`;
  return [page(10), page(10.5)];
}

function setup(pages: readonly string[]) {
  let now = 0;
  const asked: string[] = [];
  const looks = new Map<string, number>();
  const fetch = (async (url: string) => {
    asked.push(url);
    if (url.includes('elsewhere')) throw new TypeError('fetch failed');
    const look = looks.get(url) ?? 0;
    looks.set(url, look + 1);
    return new Response(pages[look]);
  }) as typeof globalThis.fetch;
  const clock = { monotonic: () => now, sleep: async (ms: number) => void (now += ms) };
  return { fetch, clock, asked };
}

describe('what workers say of themselves', () => {
  it('is told of each process, also where several answer at one port', async () => {
    const { asked, ...dependencies } = setup(answers());
    const stats = await askWorkers(poolOf(session(0), session(1)), dependencies);
    expect(stats.get(ids[0]!)).toEqual({
      ...{ done: 42, failed: 3, average_ms: 100, cpu_percent: 50, memory_bytes: 120_000_000 },
    });
    expect(stats.get(ids[1]!)).toMatchObject({ done: 7, failed: 0, average_ms: null, cpu_percent: 0 });
    expect(asked).toEqual(Array(2).fill('http://127.0.0.1:8081/metrics'));
  });

  it('is not known of one that talks without end, and costs nothing where it talks nonsense', async () => {
    const endless = () =>
      new Response(new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(2 ** 16)) }));
    const { clock } = setup([]);
    const stats = await askWorkers(poolOf(session(0)), { clock, fetch: async () => endless() });
    expect(stats.size).toBe(0);
    const startedAt = performance.now();
    expect(readSamples(`a{${'a'.repeat(2 ** 18)}} 1`)).toHaveLength(1);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('is that of the process where several workers share one', async () => {
    const page = `longshore_worker_runs_total{task="a",outcome="succeeded",worker="general"} 1
longshore_worker_runs_total{task="a",outcome="succeeded",worker="callback"} 100
process_resident_memory_bytes{worker="packed"} 90000000
`;
    const stats = await askWorkers(poolOf(session(0)), setup([page, page]));
    expect(stats.get(ids[0]!)).toMatchObject({ done: 1, memory_bytes: 90_000_000 });
  });

  it('is missing of those out of reach, which are named', async () => {
    const elsewhere = session(1, { hostname: 'elsewhere.example' });
    const strange = session(2, { hostname: 'evil/..@x' });
    const workers = poolOf(session(0), elsewhere, strange);
    const { asked, ...dependencies } = setup(answers());
    const lines = statsLines(workers, await askWorkers(workers, dependencies));
    expect(lines[2]).toMatch(/^general +worker-h-0 +active +1\/6 +42 +3 +100 ms +50 % +120.0 MB$/);
    expect(lines[3]).toMatch(/^general +worker-h-1 +active +1\/6 +- +- +- +- +-$/);
    expect(lines.at(-1)).toBe(
      'Not to be reached from here: worker-h-1 (elsewhere.example:8081), worker-h-2 (evil/..@x:8081).',
    );
    expect(new Set(asked)).toEqual(
      new Set(['http://127.0.0.1:8081/metrics', 'http://elsewhere.example:8081/metrics']),
    );
  });
});

describe('measurements', () => {
  it('are read with their labels, and what is none is left out', () => {
    const text = 'a 1\nb{x="1\\n\\"2\\\\",y="{z}"} 2.5e3 1700000000\n# c 3\nd{x="1"} NaN\nnonsense\n';
    expect(readSamples(text)).toEqual([
      { name: 'a', labels: {}, value: 1 },
      { name: 'b', labels: { x: '1\n"2\\', y: '{z}' }, value: 2500 },
    ]);
  });
});
