import { brokerAddress } from '@longshore/broker';
import type { TaskWorkers } from '@longshore/contracts';
import { readQueueDepths } from '../dispatch/queue-depths.ts';
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

/** Pools with their live sessions, queues with their depths, and whether the broker answers. */
export async function readTaskWorkers(dependencies: WorkerStatusDependencies): Promise<TaskWorkers> {
  const { database, pools, brokerUrl } = dependencies;
  const [state, rows, depths] = await Promise.all([
    brokerState(dependencies.pingBroker),
    readSessions(database),
    readQueueDepths(database),
  ]);
  const { kind, shown: address } = brokerAddress(brokerUrl);
  return {
    broker: { kind, address, state },
    pools: poolsOf(rows),
    queues: depths.map((depth) => ({ ...depth, served: pools.servesQueue(depth.queue) })),
  };
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

function readSessions(database: Database): Promise<SessionRow[]> {
  return database.query<SessionRow & Record<string, unknown>>(
    `select pool, worker, queues, tasks, instance, state, concurrency, active,
            to_char(started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as started_at,
            (extract(epoch from now() - seen_at) * 1000)::float8 as seen_ms_ago
       from sessions where ended_at is null order by pool, id`,
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
