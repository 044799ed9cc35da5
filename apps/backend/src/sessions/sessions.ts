import { createHash } from 'node:crypto';
import {
  apiError,
  CONTRACT_VERSION,
  isServedContractVersion,
  type HeartbeatRequest,
  type HeartbeatResponse,
  type RegisterSessionRequest,
  type RegisterSessionResponse,
} from '@longshore/contracts';
import { uuidV7, type Logger } from '@longshore/runtime';
import type { TaskCatalogue } from '../dispatch/task-catalogue.ts';
import type { Database } from '../store/database.ts';

/** What a request needs to know of the worker process behind it. */
export interface Session {
  readonly id: string;
  readonly pool: string;
  readonly worker: string;
  /** What it said that it serves: a key must be allowed all of it. */
  readonly queues: readonly string[];
}

export interface Sessions {
  register(request: RegisterSessionRequest): Promise<RegisterSessionResponse>;
  heartbeat(session: Session, request: HeartbeatRequest): Promise<HeartbeatResponse>;
  /** The session by id. @throws ApiError 410 when it has ended or never was. */
  require(id: string): Promise<Session>;
  /** A worker says goodbye. What it still holds is requeued by the reconciler at once. */
  end(session: Session): Promise<void>;
}

export interface SessionsDependencies {
  readonly database: Database;
  readonly catalogue: TaskCatalogue;
  readonly logger: Logger;
  readonly sessionTimeoutMs: number;
  /** Called when the set of live sessions changed. */
  readonly changed: () => Promise<void>;
}

const HEARTBEAT_BUSY_MS = 1_000;
const HEARTBEAT_IDLE_MS = 10_000;
/** Sessions of which a call needs no look into the database. */
const MAX_REMEMBERED = 5_000;

export function createSessions(dependencies: SessionsDependencies): Sessions {
  const { database, catalogue, logger, sessionTimeoutMs, changed } = dependencies;
  const live = new Map<string, Session>();

  /** Those that were heard last: a session that crashed is forgotten when others have come. */
  function remember(session: Session): Session {
    live.delete(session.id);
    live.set(session.id, session);
    if (live.size > MAX_REMEMBERED) live.delete(live.keys().next().value!);
    return session;
  }

  async function register(request: RegisterSessionRequest): Promise<RegisterSessionResponse> {
    refuseUnservedContract(request.contract_version);
    await catalogue.register(request.tasks);
    const { worker, queues } = request;
    const session: Session = { id: uuidV7(), pool: poolNameOf(request), worker, queues };
    await insertSession(database, session, request);
    remember(session);
    await changed();
    logger.info('Session registered', {
      session_id: session.id,
      pool: session.pool,
      instance: request.instance,
    });
    return answerTo(session, sessionTimeoutMs);
  }

  async function heartbeat(session: Session, request: HeartbeatRequest): Promise<HeartbeatResponse> {
    const { active, loop_age_ms: loopAgeMs, state, concurrency = null } = request;
    const values = [session.id, active, loopAgeMs, state, session.pool, concurrency];
    const [row] = await database.hot<RenewedRow>(renewSession, values);
    if (row === undefined) {
      live.delete(session.id);
      return { status: 'lapsed', cancelled: [], dispatched: 0 };
    }
    if (live.has(session.id)) remember(session);
    if (row.changed) await changed();
    return { status: 'live', cancelled: row.cancelled, dispatched: row.dispatched };
  }

  return {
    register,
    heartbeat,
    async require(id) {
      const known = live.get(id);
      if (known !== undefined) return known;
      return remember(await readSession(database, id));
    },
    async end(session) {
      live.delete(session.id);
      await database.query(
        `update sessions set state = 'ended', ended_at = now() where id = $1 and ended_at is null`,
        [session.id],
      );
      await changed();
      logger.info('Session ended', { session_id: session.id, pool: session.pool });
    },
  };
}

async function readSession(database: Database, id: string): Promise<Session> {
  const [session] = await database.query<Session & Record<string, unknown>>(
    'select id, pool, worker, queues from sessions where id = $1 and ended_at is null',
    [id],
  );
  if (session === undefined) throw apiError('session_lapsed', 'this session has ended: register again');
  return session;
}

function insertSession(
  database: Database,
  session: Session,
  request: RegisterSessionRequest,
): Promise<unknown> {
  return database.query(
    `insert into sessions (id, pool, worker, instance, hostname, pid, queues, tasks, concurrency, contract_version, health_port,
                           skipped_task_files)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    [
      session.id,
      session.pool,
      request.worker,
      request.instance,
      request.hostname,
      request.pid,
      request.queues,
      request.tasks.map((task) => task.name),
      request.concurrency,
      request.contract_version,
      request.health_port,
      JSON.stringify(request.skipped_task_files ?? []),
    ],
  );
}

function answerTo(session: Session, sessionTimeoutMs: number): RegisterSessionResponse {
  return {
    session_id: session.id,
    pool: session.pool,
    broker_queue: session.pool,
    contract_version: CONTRACT_VERSION,
    heartbeat_busy_ms: HEARTBEAT_BUSY_MS,
    heartbeat_idle_ms: Math.min(HEARTBEAT_IDLE_MS, Math.floor(sessionTimeoutMs / 1.5)),
    session_timeout_ms: sessionTimeoutMs,
  };
}

interface RenewedRow {
  dispatched: number;
  changed: boolean;
  cancelled: HeartbeatResponse['cancelled'];
}

/** $1 session, $2 active runs, $3 age of the main loop in ms, $4 state, $5 pool, $6 slots from now on. No row: the session has lapsed. */
const renewSession = {
  name: 'renew_session',
  text: `
with before as (select state, concurrency from sessions where id = $1::uuid)
update sessions s
   set seen_at = now(), active = $2::int, loop_age_ms = $3::float8, state = $4, concurrency = coalesce($6::int, s.concurrency)
 where s.id = $1::uuid and s.ended_at is null
returning exists (select from before b where b.state <> s.state or b.concurrency <> s.concurrency) as changed,
          (select count(*)::int from dispatches d where d.pool = $5 and d.session_id is null) as dispatched,
          (select coalesce(jsonb_agg(jsonb_build_object('run_id', c.run_id, 'epoch', c.epoch)), '[]')
             from cancellations c where c.session_id = $1::uuid) as cancelled`,
};

function refuseUnservedContract(version: number): void {
  if (isServedContractVersion(version)) return;
  const older = version < CONTRACT_VERSION;
  throw apiError(
    'upgrade_required',
    `this backend speaks contract version ${CONTRACT_VERSION} and ${CONTRACT_VERSION - 1}, the worker ${version}: ` +
      `upgrade the ${older ? 'worker' : 'backend'}`,
  );
}

/**
 * A pool is all processes of one worker name with the same queue list and the same tasks. What differs gets a pool
 * of its own, so that during a rolling upgrade no run is handed to a process that does not know its task.
 */
function poolNameOf(request: RegisterSessionRequest): string {
  const tasks = request.tasks.map((task) => task.name).sort();
  const hash = createHash('sha256')
    .update(JSON.stringify([request.queues, tasks]))
    .digest('hex');
  return `${request.worker}-${hash.slice(0, 8)}`;
}
