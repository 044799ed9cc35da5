import { type JsonValue, routes } from '@longshore/contracts';
import type { Clock } from '@longshore/runtime';
import type { PlatformClient } from '../client/platform-client.ts';

export interface BenchOptions {
  readonly client: Pick<PlatformClient, 'call'>;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly task: string;
  readonly parameters: Readonly<Record<string, JsonValue>>;
  /** How many tasks are submitted. */
  readonly tasks: number;
  /** How many are under way at once. */
  readonly parallel: number;
  /** Whether the tasks stay in the history. */
  readonly keep: boolean;
  onProgress(ended: number): void;
}

/** What was measured; times in milliseconds. */
export interface BenchResult {
  readonly task: string;
  readonly tasks: number;
  readonly parallel: number;
  readonly failed: number;
  readonly took_ms: number;
  readonly tasks_per_second: number;
  /** Until the platform had accepted a task. */
  readonly accepted_ms: Percentiles;
  /** From the request to its result. */
  readonly result_ms: Percentiles;
}

export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

interface Measured {
  readonly id: string;
  readonly failed: boolean;
  readonly acceptedMs: number;
  readonly resultMs: number;
}

const WAIT_SECONDS = '60';
const ENDED = ['finished', 'failed', 'cancelled'];

/** Submits tasks, so many at once, waits for the result of each, and tells what a client sees. What it submitted is deleted again. */
export async function runBench(options: BenchOptions): Promise<BenchResult> {
  const { clock, tasks, parallel, keep, client, onProgress } = options;
  const startedAt = clock.monotonic();
  const measured: Measured[] = [];
  const submitted: string[] = [];
  try {
    await side(tasks, parallel, async () => {
      measured.push(await one(options, (id) => submitted.push(id)));
      onProgress(measured.length);
    });
    return resultOf(measured, clock.monotonic() - startedAt, options);
  } finally {
    // What cannot be deleted, since it still runs or nobody answers, stays in the history: that is no reason to lose what was measured.
    if (!keep)
      await side(submitted.length, parallel, async (index) => {
        await client.call(routes.deleteTask, { params: { id: submitted[index]! } }).catch(() => undefined);
      });
  }
}

/** Does it for 0 to `count` - 1, so many side by side. After an error none begins any more, and all that began have ended. */
async function side(count: number, parallel: number, act: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    try {
      while (next < count) await act(next++);
    } catch (error) {
      next = count;
      throw error;
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: Math.min(parallel, count) }, lane));
  const failed = lanes.find((ended) => ended.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

async function one(
  { client, clock, task, parameters }: BenchOptions,
  onSubmitted: (id: string) => unknown,
): Promise<Measured> {
  const askedAt = clock.monotonic();
  const body = { task_name: task, parameters };
  const { task_id: id } = await client.call(routes.submitTask, { body });
  const acceptedMs = clock.monotonic() - askedAt;
  onSubmitted(id);
  for (;;) {
    const query = { wait: WAIT_SECONDS };
    const { status } = await client.call(routes.taskResult, { params: { id }, query });
    if (ENDED.includes(status))
      return { id, failed: status !== 'finished', acceptedMs, resultMs: clock.monotonic() - askedAt };
  }
}

function resultOf(
  measured: readonly Measured[],
  tookMs: number,
  { task, tasks, parallel }: BenchOptions,
): BenchResult {
  return {
    ...{ task, tasks, parallel },
    failed: measured.filter(({ failed }) => failed).length,
    took_ms: Math.round(tookMs),
    tasks_per_second: rounded((tasks * 1000) / tookMs),
    accepted_ms: percentiles(measured.map(({ acceptedMs }) => acceptedMs)),
    result_ms: percentiles(measured.map(({ resultMs }) => resultMs)),
  };
}

/** By the nearest rank: each is a time that was measured. */
function percentiles(times: readonly number[]): Percentiles {
  const sorted = times.toSorted((one, other) => one - other);
  const at = (share: number) => rounded(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!);
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
