import { describe, expect, it } from '@jest/globals';
import type { PlatformClient } from '../client/platform-client.ts';
import { benchLines } from '../commands/bench.ts';
import { type BenchOptions, runBench } from './run-bench.ts';

/** A platform that accepts a task in 2 ms and ends the n-th one n × 10 ms later, by a clock that only it moves. */
function setup(options: Partial<BenchOptions> = {}, { refuseAfter = Infinity, refused = new Error() } = {}) {
  let now = 0;
  let submitted = 0;
  let open = 0;
  let mostOpen = 0;
  const deleted: string[] = [];
  const call = async ({ path }: { path: string }, { params }: { params?: { id: string } }) => {
    await Promise.resolve();
    if (path === '/tasks/submit') {
      if (submitted >= refuseAfter) throw refused;
      now += 2;
      mostOpen = Math.max(mostOpen, (open += 1));
      return { task_id: String((submitted += 1)) };
    }
    if (!path.endsWith('/result')) return void deleted.push(params!.id);
    open -= 1;
    now += 10 * Number(params!.id);
    return { status: params!.id === '3' ? 'failed' : 'finished' };
  };
  const client = { call } as unknown as Pick<PlatformClient, 'call'>;
  const told: number[] = [];
  const run = () =>
    runBench({
      ...{ client, clock: { monotonic: () => now }, task: 'nothing', parameters: {}, tasks: 4, parallel: 1 },
      ...{ keep: false, onProgress: (ended) => told.push(ended), ...options },
    });
  return { run, told, deleted, mostOpen: () => mostOpen };
}

describe('longshore bench', () => {
  it('measures each task from its request to its result', async () => {
    const { run, told } = setup();
    const result = await run();
    expect(result).toEqual({
      ...{ task: 'nothing', tasks: 4, parallel: 1, failed: 1, took_ms: 108, tasks_per_second: 37 },
      accepted_ms: { p50: 2, p95: 2, p99: 2, max: 2 },
      result_ms: { p50: 22, p95: 42, p99: 42, max: 42 },
    });
    expect(told).toEqual([1, 2, 3, 4]);
    expect(benchLines(result)).toEqual([
      '4 times nothing, 1 at once: 37 a second, 108 ms in all.',
      '',
      'UNTIL     HALF   95 %   99 %   LONGEST',
      '────────  ─────  ─────  ─────  ───────',
      'accepted  2 ms   2 ms   2 ms   2 ms',
      'result    22 ms  42 ms  42 ms  42 ms',
    ]);
  });

  it('stops at the first error, and deletes what it submitted until then', async () => {
    const refused = new Error('no more');
    const { run, deleted } = setup({ parallel: 2, tasks: 50 }, { refuseAfter: 5, refused });
    await expect(run()).rejects.toBe(refused);
    expect(deleted.sort()).toEqual(['1', '2', '3', '4', '5']);
  });

  it('has as many under way as it was told, and deletes them afterwards', async () => {
    const { run, deleted, mostOpen } = setup({ parallel: 3, tasks: 9 });
    await run();
    expect(mostOpen()).toBe(3);
    expect(deleted.sort()).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9']);
  });

  it('leaves them where they are to stay', async () => {
    const { run, deleted } = setup({ keep: true });
    await run();
    expect(deleted).toEqual([]);
  });
});
