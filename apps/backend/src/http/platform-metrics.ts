import type { Metrics } from '@longshore/runtime';
import { readQueueDepths, type QueueDepth } from '../dispatch/queue-depths.ts';
import type { Database } from '../store/database.ts';
import { measureWebhooks } from '../webhooks/webhook-metrics.ts';
import { gaugesOf } from './gauges.ts';

/**
 * Measures queues, workers and webhooks as the database knows them: every backend tells the same numbers. Small tables, read once for
 * each look at the metrics.
 */
export function measurePlatform(metrics: Metrics, database: Database): void {
  measureQueues(metrics, database);
  measureWorkers(metrics, database);
  measureWebhooks(metrics, database);
}

function measureQueues(metrics: Metrics, database: Database): void {
  const gauge = gaugesOf(metrics, () => readServedQueues(database));
  gauge({
    name: 'longshore_queue_runs',
    help: 'Runs by queue: queued (all that wait), due (of those, what may run now), running.',
    labelNames: ['queue', 'state'],
    lines: ({ queue, queued, due, running }) => [
      [{ queue, state: 'queued' }, queued],
      [{ queue, state: 'due' }, due],
      [{ queue, state: 'running' }, running],
    ],
  });
  gauge({
    name: 'longshore_queue_oldest_age_seconds',
    help: 'For how long the oldest run that may run now has waited; 0 when none waits.',
    labelNames: ['queue'],
    lines: ({ queue, oldest_age_ms }) => [[{ queue }, (oldest_age_ms ?? 0) / 1000]],
  });
  gauge({
    name: 'longshore_queue_served',
    help: '1 when a live worker serves the queue, else 0.',
    labelNames: ['queue'],
    lines: ({ queue, served }) => [[{ queue }, served ? 1 : 0]],
  });
}

async function readServedQueues(database: Database): Promise<(QueueDepth & { readonly served: boolean })[]> {
  const [depths, rows] = await Promise.all([
    readQueueDepths(database),
    database.query<{ queue: string }>(
      `select distinct unnest(queues) as queue from sessions where ended_at is null and state = 'active'`,
    ),
  ]);
  const served = new Set(rows.map(({ queue }) => queue));
  return depths.map((depth) => ({ ...depth, served: served.has(depth.queue) }));
}

function measureWorkers(metrics: Metrics, database: Database): void {
  const gauge = gaugesOf(metrics, () => readWorkers(database));
  gauge({
    name: 'longshore_worker_processes',
    help: 'Live processes of a worker: active, or draining before their end. 0 for one that was there within a day.',
    labelNames: ['worker', 'state'],
    lines: ({ worker, active, draining }) => [
      [{ worker, state: 'active' }, active],
      [{ worker, state: 'draining' }, draining],
    ],
  });
  gauge({
    name: 'longshore_worker_slots',
    help: 'How many runs the active processes of a worker execute at once.',
    labelNames: ['worker'],
    lines: ({ worker, slots }) => [[{ worker }, slots]],
  });
  gauge({
    name: 'longshore_worker_busy_slots',
    help: 'Runs that the live processes of a worker execute, as they said last.',
    labelNames: ['worker'],
    lines: ({ worker, busy }) => [[{ worker }, busy]],
  });
  gauge({
    name: 'longshore_worker_loop_age_seconds',
    help: 'For how long the main loop of a process stands still, as it said last; of a worker the longest.',
    labelNames: ['worker'],
    lines: ({ worker, loop_age_s }) => [[{ worker }, loop_age_s]],
  });
  gauge({
    name: 'longshore_worker_lapsed_sessions',
    help: 'Processes of a worker that were given up within ten minutes, because nothing was heard of them.',
    labelNames: ['worker'],
    lines: ({ worker, lapsed }) => [[{ worker }, lapsed]],
  });
}

interface WorkerRow extends Record<string, unknown> {
  readonly worker: string;
  readonly active: number;
  readonly draining: number;
  readonly slots: number;
  readonly busy: number;
  readonly loop_age_s: number;
  readonly lapsed: number;
}

function readWorkers(database: Database): Promise<WorkerRow[]> {
  return database.query<WorkerRow>(
    `select worker,
            count(*) filter (where ended_at is null and state = 'active')::int as active,
            count(*) filter (where ended_at is null and state = 'draining')::int as draining,
            coalesce(sum(concurrency) filter (where ended_at is null and state = 'active'), 0)::int as slots,
            coalesce(sum(active) filter (where ended_at is null), 0)::int as busy,
            (coalesce(max(loop_age_ms) filter (where ended_at is null), 0) / 1000)::float8 as loop_age_s,
            count(*) filter (where state = 'lapsed' and ended_at > now() - interval '10 minutes')::int as lapsed
       from sessions where ended_at is null or ended_at > now() - interval '1 day'
      group by worker order by worker`,
  );
}
