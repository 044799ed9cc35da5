import { DATA_SOURCE, panel, placed } from './panels.ts';

/** Of a namespace: empty where there are none. */
const IN = 'namespace=~"$namespace"';
/** The same is told by every backend. */
const byQueue = (metric: string, state = '') => `max by (queue) (${metric}{${IN}${state}})`;
const byWorker = (metric: string, state = '') => `max by (worker) (${metric}{${IN}${state}})`;
const quantile = (q: number, metric: string, by: string) =>
  `histogram_quantile(${q}, sum by (le, ${by}) (rate(${metric}_bucket{${IN}}[$__rate_interval])))`;
const perSecond = (metric: string, by: string, where = '') =>
  `sum by (${by}) (rate(${metric}{${IN}${where}}[$__rate_interval]))`;

const RUNS = 'longshore_worker_runs_total';
const WAIT = 'longshore_run_wait_seconds';
const DURATION = 'longshore_worker_run_duration_seconds';

const queues = [
  panel({
    title: 'Due runs by queue',
    description: 'What may run now and waits.',
    unit: 'short',
    alertAt: 10,
    queries: [{ expr: byQueue('longshore_queue_runs', ', state="due"'), legend: '{{queue}}' }],
  }),
  panel({
    title: 'Oldest wait by queue',
    description: 'For how long the oldest run that may run now has waited.',
    unit: 's',
    alertAt: 30,
    queries: [{ expr: byQueue('longshore_queue_oldest_age_seconds'), legend: '{{queue}}' }],
  }),
  panel({
    title: 'Throughput by task',
    description: 'Attempts that ended well, also those that handed over to children.',
    unit: 'ops',
    queries: [{ expr: perSecond(RUNS, 'task', ', outcome=~"succeeded|fanned_out"'), legend: '{{task}}' }],
  }),
  panel({
    title: 'Failures by task',
    description: 'Attempts that failed or ran into their hard limit; those that are tried again, too.',
    unit: 'ops',
    queries: [
      {
        expr: perSecond(RUNS, 'task, outcome', ', outcome=~"failed|hard_limit"'),
        legend: '{{task}} {{outcome}}',
      },
    ],
  }),
  panel({
    title: 'Wait by queue',
    description: 'From the moment a run may run to its claim.',
    unit: 's',
    queries: [
      { expr: quantile(0.5, WAIT, 'queue'), legend: '{{queue}} median' },
      { expr: quantile(0.95, WAIT, 'queue'), legend: '{{queue}} 95 %' },
    ],
  }),
  panel({
    title: 'Run time by task',
    description: 'How long attempts took.',
    unit: 's',
    queries: [
      { expr: quantile(0.5, DURATION, 'task'), legend: '{{task}} median' },
      { expr: quantile(0.95, DURATION, 'task'), legend: '{{task}} 95 %' },
    ],
  }),
];

const webhooks = [
  panel({
    title: 'Deliveries of webhooks',
    description: 'On their way, given up and kept, and what ended within ten minutes.',
    unit: 'short',
    queries: [
      { expr: `max by (state) (longshore_webhook_deliveries{${IN}})`, legend: '{{state}}' },
      {
        expr: `max by (outcome) (longshore_webhook_ended_deliveries{${IN}})`,
        legend: '{{outcome}} within ten minutes',
      },
    ],
  }),
  panel({
    title: 'Oldest event of a webhook',
    description:
      'For how long the oldest has not been delivered: the window of its webhook, and more while its receiver does not take it.',
    unit: 's',
    queries: [{ expr: `max(longshore_webhook_oldest_age_seconds{${IN}})`, legend: 'oldest' }],
  }),
];

const processes = [
  panel({
    title: 'Workers alive',
    description: 'Processes that the backend hears of.',
    unit: 'short',
    queries: [
      {
        expr: `sum by (worker) (max by (worker, state) (longshore_worker_processes{${IN}}))`,
        legend: '{{worker}}',
      },
    ],
  }),
  panel({
    title: 'Busy slots',
    description: 'Runs that execute, of those that could at once.',
    unit: 'percentunit',
    queries: [
      {
        expr: `${byWorker('longshore_worker_busy_slots')} / ${byWorker('longshore_worker_slots')}`,
        legend: '{{worker}}',
      },
    ],
  }),
  panel({
    title: 'Age of the main loop',
    description:
      'For how long a process has stood still, as its heartbeat said; and the longest halt that it saw itself.',
    unit: 's',
    alertAt: 20,
    queries: [
      { expr: byWorker('longshore_worker_loop_age_seconds'), legend: '{{worker}}' },
      { expr: byWorker('nodejs_eventloop_lag_max_seconds'), legend: '{{worker}} longest halt' },
    ],
  }),
  panel({
    title: 'Processes lost or started again',
    description: 'Given up within ten minutes, and started within fifteen.',
    unit: 'short',
    queries: [
      { expr: byWorker('longshore_worker_lapsed_sessions'), legend: '{{worker}} lost' },
      {
        expr: `sum by (worker) (changes(process_start_time_seconds{worker!="", ${IN}}[15m]))`,
        legend: '{{worker}} started',
      },
    ],
  }),
  panel({
    title: 'Memory',
    description: 'Of its container, else of the machine.',
    unit: 'percentunit',
    alertAt: 0.8,
    queries: [
      {
        expr: `process_resident_memory_bytes{${IN}} / longshore_process_memory_limit_bytes`,
        legend: '{{worker}} {{instance}}',
      },
    ],
  }),
  panel({
    title: 'CPU',
    description: 'Of the processors of its container, else of the machine.',
    unit: 'percentunit',
    alertAt: 0.8,
    queries: [
      {
        expr: `rate(process_cpu_seconds_total{${IN}}[$__rate_interval]) / longshore_process_cpu_limit_cores`,
        legend: '{{worker}} {{instance}}',
      },
    ],
  }),
  panel({
    title: 'Resident memory',
    description: 'What a process holds.',
    unit: 'bytes',
    queries: [
      { expr: `process_resident_memory_bytes{worker!="", ${IN}}`, legend: '{{worker}} {{instance}}' },
    ],
  }),
  panel({
    title: 'Answers of the backend',
    description: 'Requests by their status.',
    unit: 'ops',
    queries: [{ expr: perSecond('longshore_http_requests_total', 'status'), legend: '{{status}}' }],
  }),
];

/** The dashboard, as Grafana imports it. */
export function dashboard() {
  return {
    uid: 'longshore',
    title: 'Longshore',
    tags: ['longshore'],
    schemaVersion: 39,
    version: 1,
    refresh: '15s',
    time: { from: 'now-1h', to: 'now' },
    templating: {
      list: [
        { name: 'source', label: 'Prometheus', type: 'datasource', query: 'prometheus' },
        {
          name: 'namespace',
          label: 'Namespace',
          type: 'query',
          datasource: DATA_SOURCE,
          query: { query: 'label_values(longshore_queue_runs, namespace)', refId: 'namespace' },
          refresh: 2,
          includeAll: true,
          allValue: '.*',
          current: { text: 'All', value: '$__all' },
        },
      ],
    },
    panels: placed([...queues, ...processes, ...webhooks]),
  };
}
