import {
  apiError,
  routes,
  type CreateKeyRequest,
  type QueuesResponse,
  type WorkersResponse,
} from '@longshore/contracts';
import { uuidV7 } from '@longshore/runtime';
import { handle, type MountedRoute } from '../http/server.ts';
import type { Keys, NewKey } from '../keys/keys.ts';
import { readQueueDepths } from '../dispatch/queue-depths.ts';
import type { Pools } from '../dispatch/pools.ts';
import { sqlStateOf, type Database } from '../store/database.ts';
import { applyDocuments } from './apply.ts';

export interface AdminRoutesDependencies {
  readonly database: Database;
  readonly keys: Keys;
  readonly pools: Pools;
}

/** What administrators do: organisations, keys, workflows and deployments; and a look at workers and queues. */
export function adminRoutes({ database, keys, pools }: AdminRoutesDependencies): MountedRoute[] {
  return [
    handle(routes.apply, async ({ body }) =>
      applyDocuments(database, body as Parameters<typeof applyDocuments>[1]),
    ),
    handle(routes.createOrganisation, async ({ body }) => createOrganisation(database, body.name)),
    handle(routes.createKey, async ({ body }) => {
      const { id, secret } = await keys.create(await newKey(database, body));
      return { id, kind: body.kind, name: body.name, key: secret };
    }),
    handle(routes.workers, async () => ({ pools: await readPools(database) })),
    handle(routes.queues, async () => ({ queues: await readQueues(database, pools) })),
  ];
}

const UNIQUE_VIOLATION = '23505';

/** @throws ApiError 409 when there is one of that name. */
export async function createOrganisation(
  database: Database,
  name: string,
): Promise<{ id: string; name: string }> {
  const id = uuidV7();
  try {
    await database.query('insert into organisations (id, name) values ($1, $2)', [id, name]);
  } catch (error) {
    if (sqlStateOf(error) === UNIQUE_VIOLATION)
      throw apiError('conflict', `There is an organisation "${name}" already`, 'name');
    throw error;
  }
  return { id, name };
}

async function newKey(database: Database, request: CreateKeyRequest): Promise<NewKey> {
  switch (request.kind) {
    case 'admin':
      return request;
    case 'service':
      return request;
    case 'organisation':
      return {
        kind: 'organisation',
        name: request.name,
        organisationId: await organisationId(database, request.organisation),
      };
    case 'deployment': {
      const organisation = await organisationId(database, request.organisation);
      const [row] = await database.query<{ id: string }>(
        'select id from deployments where organisation_id = $1 and api_name = $2',
        [organisation, request.api_name],
      );
      if (row === undefined)
        throw apiError('not_found', `There is no deployment "${request.api_name}"`, 'api_name');
      return { kind: 'deployment', name: request.name, organisationId: organisation, deploymentId: row.id };
    }
  }
}

async function organisationId(database: Database, name: string): Promise<string> {
  const [row] = await database.query<{ id: string }>('select id from organisations where name = $1', [name]);
  if (row === undefined) throw apiError('not_found', `There is no organisation "${name}"`, 'organisation');
  return row.id;
}

type PoolView = WorkersResponse['pools'][number];

async function readPools(database: Database): Promise<PoolView[]> {
  const rows = await database.query<PoolView['sessions'][number] & Omit<PoolView, 'sessions'>>(
    `select pool, worker, queues, tasks, id as session_id, instance, hostname, pid, concurrency, active, state,
            health_port, to_char(started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as started_at,
            (extract(epoch from now() - seen_at) * 1000)::float8 as seen_ms_ago
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
