import { routes, type QueuesResponse, type WorkersResponse } from '@longshore/contracts';
import { handle, type MountedRoute } from '../http/server.ts';
import { readQueueDepths } from '../dispatch/queue-depths.ts';
import type { Pools } from '../dispatch/pools.ts';
import type { Database } from '../store/database.ts';
import { applyDocuments, type ApplyDependencies } from './apply.ts';

export interface AdminRoutesDependencies extends ApplyDependencies {
  readonly pools: Pools;
}

/** What administrators do: workflows and deployments; and a look at workers and queues. */
export function adminRoutes(dependencies: AdminRoutesDependencies): MountedRoute[] {
  const { database, pools } = dependencies;
  return [
    handle(routes.apply, async ({ body, act }) =>
      applyDocuments(dependencies, body as Parameters<typeof applyDocuments>[1], act),
    ),
    handle(routes.workers, async () => ({ pools: await readPools(database) })),
    handle(routes.queues, async () => ({ queues: await readQueues(database, pools) })),
  ];
}

type PoolView = WorkersResponse['pools'][number];

async function readPools(database: Database): Promise<PoolView[]> {
  const rows = await database.query<PoolView['sessions'][number] & Omit<PoolView, 'sessions'>>(
    `select pool, worker, queues, tasks, id as session_id, instance, hostname, pid, concurrency, active, state,
            health_port, to_char(started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as started_at,
            (extract(epoch from now() - seen_at) * 1000)::float8 as seen_ms_ago, loop_age_ms, skipped_task_files
       from sessions where ended_at is null order by pool, id`,
  );
  const views = new Map<string, PoolView>();
  for (const { pool, worker, queues, tasks, ...session } of rows) {
    const view = views.get(pool) ?? { pool, worker, queues, tasks, sessions: [] };
    view.sessions.push(session);
    views.set(pool, view);
  }
  return [...views.values()];
}

async function readQueues(database: Database, pools: Pools): Promise<QueuesResponse['queues']> {
  const depths = await readQueueDepths(database);
  return depths.map((depth) => ({ ...depth, served: pools.servesQueue(depth.queue) }));
}
