import { routes } from '@longshore/contracts';
import { createMetrics } from '@longshore/runtime';
import { readQueueDepths } from '../dispatch/queue-depths.ts';
import type { Database } from '../store/database.ts';
import { handle, type MountedRoute } from './server.ts';

/** What the backend measures of itself, for Prometheus. */
export interface BackendMetrics {
  answered(route: { method: string; path: string; status: number }): void;
  readonly routes: MountedRoute[];
}

export function createBackendMetrics(database: Database): BackendMetrics {
  const metrics = createMetrics({ worker: 'backend' });
  const requests = metrics.counter({
    name: 'longshore_http_requests_total',
    help: 'Answered requests by route and status.',
    labelNames: ['method', 'route', 'status'],
  });
  metrics.counter({
    name: 'longshore_sql_statements_total',
    help: 'Statements sent to the database; hot is the claim and report path.',
    labelNames: ['pool'],
    collect() {
      const { hot, other } = database.statements();
      this.reset();
      this.inc({ pool: 'hot' }, hot);
      this.inc({ pool: 'other' }, other);
    },
  });
  metrics.gauge({
    name: 'longshore_queue_runs',
    help: 'Runs by queue: queued (all that wait), due (of those, what may run now), running.',
    labelNames: ['queue', 'state'],
    async collect() {
      this.reset();
      for (const { queue, queued, due, running } of await readQueueDepths(database)) {
        this.set({ queue, state: 'queued' }, queued);
        this.set({ queue, state: 'due' }, due);
        this.set({ queue, state: 'running' }, running);
      }
    },
  });
  return {
    answered: ({ method, path, status }) => requests.inc({ method, route: path, status }),
    routes: [
      handle(routes.metrics, async ({ response }) => {
        response.setHeader('Content-Type', metrics.contentType);
        response.end(await metrics.text());
        return undefined;
      }),
    ],
  };
}
