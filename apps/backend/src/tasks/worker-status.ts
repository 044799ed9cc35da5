import { brokerAddress } from '@longshore/broker';
import type { TaskWorkers } from '@longshore/contracts';
import { readQueueDepths, type QueueDepth } from '../dispatch/queue-depths.ts';
import type { Pools } from '../dispatch/pools.ts';
import type { Database } from '../store/database.ts';

export interface WorkerStatusDependencies {
  readonly database: Database;
  readonly pools: Pick<Pools, 'servesQueue'>;
  readonly brokerUrl: string;
  /** Resolves when the broker answers. */
  readonly pingBroker: () => Promise<void>;
}

/** A broker that has not answered within this time counts as unreachable. */
const PATIENCE_MS = 2_000;

type Pool = TaskWorkers['pools'][number];
type Session = Pool['sessions'][number];

/**
 * Pools with their live sessions, queues with their depths, and whether the broker answers. To an organisation: which workers there are and
 * what they take, since its tasks depend on it, but of what waits and runs only its own, and not where the broker is. How
 * busy others are, and with what, is theirs. Null: all of it.
 */
export async function readTaskWorkers(
  dependencies: WorkerStatusDependencies,
  organisationId: string | null,
): Promise<TaskWorkers> {
  const { database, pools, brokerUrl } = dependencies;
  const [state, rows, depths] = await Promise.all([
    brokerState(dependencies.pingBroker),
    readSessions(database, organisationId),
    organisationId === null ? readQueueDepths(database) : readOwnDepths(database, organisationId),
  ]);
  const { kind, shown } = brokerAddress(brokerUrl);
  return {
    broker: { kind, address: organisationId === null ? shown : null, state },
    pools: poolsOf(rows),
    queues: depths.map((depth) => ({ ...depth, served: pools.servesQueue(depth.queue) })),
  };
}

/** Of the queues that are served, or that something of the organisation waits in. */
function readOwnDepths(database: Database, organisationId: string): Promise<QueueDepth[]> {
  return database.query<QueueDepth & Record<string, unknown>>(
    `with own as (
       select queue, remaining, ready, session_id, created_at from dispatches where organisation_id = $1
     )
     select q.queue,
            coalesce(sum(d.remaining) filter (where d.session_id is null), 0)::int as queued,
            coalesce(sum(d.remaining) filter (where d.session_id is null and d.ready), 0)::int as due,
            coalesce(sum(d.remaining) filter (where d.session_id is not null), 0)::int as running,
            (extract(epoch from now() - min(d.created_at) filter (where d.session_id is null and d.ready)) * 1000)::float8
              as oldest_age_ms
       from (select queue from own union select unnest(queues) from sessions where ended_at is null) q
       left join own d on d.queue = q.queue
      group by q.queue order by q.queue`,
    [organisationId],
  );
}

async function brokerState(ping: () => Promise<void>): Promise<TaskWorkers['broker']['state']> {
  const { promise: late, resolve } = Promise.withResolvers<'unreachable'>();
  const timer = setTimeout(() => resolve('unreachable'), PATIENCE_MS);
  try {
    const answered = ping().then(
      () => 'reachable' as const,
      () => 'unreachable' as const,
    );
    return await Promise.race([answered, late]);
  } finally {
    clearTimeout(timer);
  }
}

type SessionRow = Session & Pick<Pool, 'pool' | 'worker' | 'queues' | 'tasks'>;

function readSessions(database: Database, organisationId: string | null): Promise<SessionRow[]> {
  return database.query<SessionRow & Record<string, unknown>>(
    `select pool, worker, queues, tasks, instance, state, concurrency,
            case when $1::uuid is null then active
                 else (select coalesce(sum(d.remaining), 0)::int from dispatches d
                        where d.pool = sessions.pool and d.session_id = sessions.id and d.organisation_id = $1) end as active,
            to_char(started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as started_at,
            (extract(epoch from now() - seen_at) * 1000)::float8 as seen_ms_ago
       from sessions where ended_at is null order by pool, id`,
    [organisationId],
  );
}

function poolsOf(rows: readonly SessionRow[]): Pool[] {
  return [...Map.groupBy(rows, ({ pool }) => pool)].map(([pool, members]) => {
    const { worker, queues, tasks } = members[0]!;
    const sessions = members.map(({ instance, state, concurrency, active, started_at, seen_ms_ago }) => ({
      ...{ instance, state, concurrency, active, started_at, seen_ms_ago },
    }));
    const open = sessions.filter(({ state }) => state === 'active');
    const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0);
    return {
      ...{ pool, worker, queues, tasks, sessions },
      slots: sum(open.map(({ concurrency }) => concurrency)),
      active: sum(sessions.map(({ active }) => active)),
    };
  });
}
