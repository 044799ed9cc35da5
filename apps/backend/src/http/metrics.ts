import { routes } from '@longshore/contracts';
import { createMetrics } from '@longshore/runtime';
import type { Database } from '../store/database.ts';
import { measurePlatform } from './platform-metrics.ts';
import { handle, type MountedRoute } from './server.ts';

/** What the backend measures of itself and of the platform, for Prometheus. */
export interface BackendMetrics {
  answered(route: { method: string; path: string; status: number }): void;
  /** A run of this queue was claimed, so many seconds after it could have been. */
  waited(queue: string, seconds: number): void;
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
  const waits = metrics.histogram({
    name: 'longshore_run_wait_seconds',
    help: 'How long runs could have been claimed before they were, of the claims that this backend granted.',
    labelNames: ['queue'],
    buckets: [0.01, 0.05, 0.2, 1, 5, 10, 30, 60, 300, 1800, 7200],
  });
  measurePlatform(metrics, database);
  return {
    answered: ({ method, path, status }) => requests.inc({ method, route: path, status }),
    // The clock of the database may step back between two moments of it.
    waited: (queue, seconds) => waits.observe({ queue }, Math.max(0, seconds)),
    routes: [
      handle(routes.metrics, async ({ response }) => {
        response.setHeader('Content-Type', metrics.contentType);
        response.end(await metrics.text());
        return undefined;
      }),
    ],
  };
}
