import type { Metrics } from '@longshore/runtime';

/** What is measured of the runs of a worker process. */
export interface RunnerMetrics {
  readonly runs: { inc(labels: { task: string; outcome: string }): void };
  readonly duration: { observe(labels: { task: string }, seconds: number): void };
  readonly claims: { inc(labels: { answer: string }): void };
  readonly reportBatch: { observe(size: number): void };
}

/** Registers them. `active` is asked when somebody looks. */
export function createRunnerMetrics(metrics: Metrics, active: () => number): RunnerMetrics {
  metrics.gauge({
    name: 'longshore_worker_active_runs',
    help: 'Runs whose handlers are at work.',
    collect() {
      this.set(active());
    },
  });
  return {
    runs: metrics.counter({
      name: 'longshore_worker_runs_total',
      help: 'Attempts that ended, by how.',
      labelNames: ['task', 'outcome'],
    }),
    duration: metrics.histogram({
      name: 'longshore_worker_run_duration_seconds',
      help: 'How long attempts took.',
      labelNames: ['task'],
      buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300, 1800, 7200],
    }),
    claims: metrics.counter({
      name: 'longshore_worker_claims_total',
      help: 'Dispatches that were claimed, by the answer.',
      labelNames: ['answer'],
    }),
    reportBatch: metrics.histogram({
      name: 'longshore_worker_report_batch_size',
      help: 'Reports that went in one call.',
      buckets: [1, 2, 5, 10, 50, 100, 500],
    }),
  };
}
