import {
  assertSchemaCompatibility,
  createPostgresBackend,
  LATEST_SCHEMA_VERSION,
  runMigrations,
  SchemaMigrationRequiredError,
  withBackend,
} from 'bullmq';
import type { PgPool } from 'bullmq';
import { Pool } from 'pg';
import type { PoolConfig, QueryResult } from 'pg';
import type { BackendOptions, BrokerBackend } from './backend.ts';
import { PRODUCER_TIMEOUT_MS, SOCKET_TIMEOUT_MS, WORKER_OPTIONS } from './backend.ts';
import type { PostgresAddress } from './broker-url.ts';

const Bull = withBackend(createPostgresBackend);
type PostgresQueue = InstanceType<typeof Bull.Queue>;

/** The schema in which BullMQ keeps its tables; a pool that we hand over must name it itself. */
const SCHEMA = 'bullmq';

/** A consumer needs a third connection, on which it listens. */
const CONNECTIONS = { producer: 2, consumer: 3 } as const;

const CONNECTION_TROUBLE = /^(08|57P0[1-3]|E[A-Z]+$)/;

/** The broker on PostgreSQL: one small pool for the whole process, and one connection that listens in a consumer. */
export function openPostgres({
  address,
  role,
  onError,
}: BackendOptions & { readonly address: PostgresAddress }): BrokerBackend {
  const { pool, connected, connections } = watched(new Pool(poolConfig(address.url, role)), onError);
  let prepared = false;
  const probe = async (): Promise<void> => {
    await prepare(pool);
    prepared = true;
  };
  return {
    queue: (name) => {
      // Made at its first use: a queue that finds no tables when it is made never works.
      let made: PostgresQueue | undefined;
      const queue = async (): Promise<PostgresQueue> => {
        if (!prepared) await probe();
        made ??= new Bull.Queue(name, { connection: pool, skipMetasUpdate: true }).on('error', onError);
        return made;
      };
      return {
        addBulk: async (jobs) => (await queue()).addBulk(jobs),
        getJobState: async (id) => (await queue()).getJobState(id),
        setMeta: async (values) => (await queue()).getBackend().setQueueMeta(values),
        getMeta: async (field) => (await queue()).getBackend().getQueueMetaField(field),
        close: async () => made?.close(),
      };
    },
    worker: (name, processor, concurrency) =>
      new Bull.Worker(name, processor, { ...WORKER_OPTIONS, connection: pool, concurrency }).on(
        'error',
        onError,
      ),
    probe,
    connected,
    connections,
    destroy: () => void pool.end().catch(onError),
  };
}

function poolConfig(url: string, role: BackendOptions['role']): PoolConfig {
  return {
    connectionString: url,
    max: CONNECTIONS[role],
    application_name: `longshore-${role}`,
    options: `-c search_path=${SCHEMA}`,
    connectionTimeoutMillis: PRODUCER_TIMEOUT_MS,
    query_timeout: role === 'producer' ? PRODUCER_TIMEOUT_MS : SOCKET_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  };
}

/**
 * The pool as BullMQ sees it. It asks at least every few seconds, so the fate of its last question tells whether
 * the broker is there.
 */
function watched(
  pool: Pool,
  onError: (error: Error) => void,
): Pick<BrokerBackend, 'connected' | 'connections'> & { readonly pool: PgPool } {
  let isConnected = false;
  let connections = 0;
  pool.setMaxListeners(0);
  const lost = (error: Error & { code?: string }): void => {
    if (error.code === undefined || CONNECTION_TROUBLE.test(error.code)) isConnected = false;
  };
  pool.on('error', (error) => {
    lost(error);
    onError(error);
  });
  const query = async (text: string, values?: unknown[]): Promise<QueryResult> => {
    try {
      const result = await pool.query(text, values);
      if (!isConnected) connections += 1;
      isConnected = true;
      return result;
    } catch (error) {
      lost(error as Error);
      throw error;
    }
  };
  const facade = new Proxy(pool, { get: (target, key) => (key === 'query' ? query : bound(target, key)) });
  return {
    pool: facade as unknown as PgPool,
    connected: () => isConnected,
    connections: () => connections,
  };
}

function bound(target: Pool, key: string | symbol): unknown {
  const value: unknown = Reflect.get(target, key, target);
  return typeof value === 'function' ? value.bind(target) : value;
}

/** Creates or upgrades BullMQ's tables when they are not there yet; several processes may do so at once. */
async function prepare(pool: PgPool): Promise<void> {
  const client = await pool.connect();
  let broken = true;
  try {
    const version = await assertSchemaCompatibility(client, SCHEMA).catch((error: unknown) => {
      if (error instanceof SchemaMigrationRequiredError) return 0;
      throw error;
    });
    if (version < LATEST_SCHEMA_VERSION) await runMigrations(client, SCHEMA);
    broken = false;
  } finally {
    client.release(broken);
  }
}
