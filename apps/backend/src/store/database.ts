import pg from 'pg';
import type { Logger } from '@longshore/runtime';

/** One named statement: prepared once per connection, planned once. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

export type SqlClient = Pick<pg.PoolClient, 'query'>;

/**
 * The database of the truth. `hot` runs the statements of the claim-report path on a pool of their own, whose
 * settings keep the planner on index plans whatever the tables look like; everything else goes through `query`.
 */
export interface Database {
  query<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>;
  hot<Row extends pg.QueryResultRow>(statement: Statement, values: unknown[]): Promise<Row[]>;
  transaction<T>(work: (client: SqlClient) => Promise<T>): Promise<T>;
  /** Statements sent since the start, by pool; for metrics. */
  statements(): { hot: number; other: number };
  close(): Promise<void>;
}

const HOT_SETTINGS =
  '-c plan_cache_mode=force_generic_plan -c jit=off -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off';

/** Postgres error codes after which the same statement may simply be sent again: deadlock, serialization. */
const RETRYABLE = new Set(['40P01', '40001']);
const MAX_RETRIES = 5;

/** How long the database is waited for. */
export interface Patience {
  /** For one statement; the server ends it then. */
  readonly statementMs: number;
  /** For a connection, new or free, ms. */
  readonly connectMs: number;
}

/** Below the 30 s after which workers give up a call: they are to be told that the database does not answer. */
const PATIENCE: Patience = { statementMs: 20_000, connectMs: 10_000 };
/** The server's own end of a statement is heard first: then it is certain that it did nothing. */
const LATER_MS = 2_000;
/** A transaction whose client fell silent holds its locks no longer than this. */
const IDLE_IN_TRANSACTION_MS = 30_000;
/**
 * A connection of the hot pool that nobody used for so long is closed. A new one has to prepare and plan each statement anew, which
 * costs the first runs after a rest several times what they take.
 */
const HOT_IDLE_MS = 5 * 60_000;
/** Of the others. */
const IDLE_MS = 10_000;
/** The server notices within half a minute that nobody is at the other end, instead of after two hours. */
const SERVER_KEEPALIVE = '-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=4';

export interface DatabaseOptions {
  readonly url: string;
  readonly logger: Logger;
  /** Connections of each of the two pools. Default 4. */
  readonly connections?: number;
  /** `endless` is for migrations, which take what they take. */
  readonly patience?: Patience | 'endless';
}

/**
 * Nothing waits for ever: a server that is frozen or out of reach costs each caller its patience, and what is thrown then
 * satisfies {@link isOutOfReach}. Whether the statement took effect is not known then, unless the server said so.
 */
export function createDatabase(options: DatabaseOptions): Database {
  const hotPool = createPool(options, { settings: HOT_SETTINGS, idleMs: HOT_IDLE_MS });
  const pool = createPool(options, { settings: '-c jit=off', idleMs: IDLE_MS });
  const sent = { hot: 0, other: 0 };

  return {
    async query<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []) {
      sent.other += 1;
      return (await pool.query<Row>(text, values)).rows;
    },
    hot: (statement, values) =>
      withRetry(async () => {
        sent.hot += 1;
        return (await hotPool.query({ ...statement, values })).rows;
      }),
    async transaction(work) {
      const client = await pool.connect();
      let broken: Error | undefined;
      // Nobody but the pool hears of a lost connection otherwise, and only while it is idle: it would end the process.
      const lost = (error: Error) => void (broken = error);
      client.on('error', lost);
      try {
        await client.query('begin');
        const result = await work(client);
        await client.query('commit');
        sent.other += 3;
        return result;
      } catch (error) {
        broken ??= isUnanswered(error) ? error : await rollback(client);
        throw error;
      } finally {
        client.off('error', lost);
        client.release(broken);
      }
    },
    statements: () => ({ ...sent }),
    async close() {
      await Promise.all([hotPool.end(), pool.end()]);
    },
  };
}

function createPool(
  { url, logger, connections: max = 4, patience = PATIENCE }: DatabaseOptions,
  { settings, idleMs }: { readonly settings: string; readonly idleMs: number },
): pg.Pool {
  const limits = patience === 'endless' ? null : patience;
  const options = [settings, SERVER_KEEPALIVE, ...(limits === null ? [] : [serverLimits(limits)])].join(' ');
  const pool = new pg.Pool({
    connectionString: url,
    max,
    idleTimeoutMillis: idleMs,
    options,
    application_name: 'longshore-backend',
    connectionTimeoutMillis: limits?.connectMs ?? PATIENCE.connectMs,
    ...(limits === null ? {} : { query_timeout: limits.statementMs + LATER_MS }),
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  pool.on('error', (error) => logger.warn('An idle database connection was lost', { error }));
  return pool;
}

function serverLimits({ statementMs }: Patience): string {
  return `-c statement_timeout=${statementMs} -c idle_in_transaction_session_timeout=${IDLE_IN_TRANSACTION_MS}`;
}

async function rollback(client: SqlClient): Promise<Error | undefined> {
  try {
    await client.query('rollback');
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** Sends again what the database refused only because it met others on its way. */
export async function withRetry<T>(send: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await send();
    } catch (error) {
      if (attempt > MAX_RETRIES || !RETRYABLE.has(sqlStateOf(error) ?? '')) throw error;
    }
  }
}

/** The SQLSTATE of a database error, if it is one. */
export function sqlStateOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/**
 * Connections refused or lost, a server that starts, stops, is full or became read-only, statements that gave way to others or
 * took too long.
 */
const OUT_OF_REACH =
  /^(?:08...|57014|57P0[1-5]|25P03|53[0-9]..|25006|40P01|40001|E(?:CONNREFUSED|CONNRESET|PIPE|TIMEDOUT|HOSTUNREACH|NOTFOUND|AI_AGAIN))$/;
/** What the driver says without a code. */
const DRIVER_SAYS =
  /^(?:Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|timeout expired|Query read timeout)/;

/** Whether the connection itself is at fault: asking it to roll back would only be waited for in vain again. */
function isUnanswered(error: unknown): error is Error {
  return error instanceof Error && sqlStateOf(error) === undefined && isOutOfReach(error);
}

/** Whether the database could not be asked: the same may well succeed in a moment. */
export function isOutOfReach(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return (
    (typeof code === 'string' && OUT_OF_REACH.test(code)) ||
    (typeof message === 'string' && DRIVER_SAYS.test(message))
  );
}
