import { ApiError, CONTRACT_VERSION, workerRoutes as routes } from '@longshore/contracts';
import type { HeartbeatResponse, RegisterSessionRequest } from '@longshore/contracts';
import type { BackendClient } from '@longshore/api-client';
import type { Clock, Logger } from '@longshore/runtime';
import type { Session } from '../execution/session-link.ts';
import type { FromThread } from './heartbeat-messages.ts';
import { createNews } from './heartbeat-news.ts';
import type { News, SessionNews } from './heartbeat-news.ts';
import type { Heartbeat } from './heartbeat.ts';
import { failStart, refusalIn, refusalTeller } from './refusal.ts';

/** The session of this process, and what its heartbeats told. */
export interface SessionState extends SessionNews {
  readonly sessionId: string | undefined;
}

export interface RegisteredSession extends Session {
  readonly brokerQueue: string;
}

/**
 * The sessions of this process: one at a time, a new one after each that lapsed. Whose key is refused meanwhile, because it was revoked, asks
 * again until it is taken: in a process with others those work on, and it is told in `state().refusal`.
 */
export interface Sessions {
  /** Registers the first one. @throws {NotCoveredError} when its key does not cover this worker, {ApiError} when it is refused otherwise */
  start(): Promise<void>;
  /** Of the heartbeat thread. */
  hear(message: FromThread): void;
  state(): SessionState;
  /** Says goodbye; the backend then gives what this session still holds to others. */
  end(deadline: AbortSignal): Promise<void>;
}

export interface SessionsOptions {
  client: Pick<BackendClient, 'call'>;
  heartbeat: Pick<Heartbeat, 'follow' | 'rest'>;
  request: Omit<RegisterSessionRequest, 'contract_version'>;
  logger: Logger;
  clock: Clock;
  onSession: (session: RegisteredSession) => void;
  onCancelled: (runs: HeartbeatResponse['cancelled']) => void;
  /** No session can be had any more. */
  onFailure: (error: unknown) => void;
}

/** How often a backend is asked again that takes our key no more. */
const REFUSED_EVERY_MS = 2_000;

export function createSessions(options: SessionsOptions): Sessions {
  const { client, heartbeat, request, logger, onSession, onFailure } = options;
  const ending = new AbortController();
  const news = createNews(options);
  let current: RegisteredSession | undefined;

  const register = async (): Promise<void> => {
    const body = { ...request, contract_version: CONTRACT_VERSION };
    const settings = { attempts: Infinity, signal: ending.signal };
    const answer = await client.call(routes.registerSession, { body, ...settings });
    const { session_id: id, broker_queue, heartbeat_busy_ms: busyMs, heartbeat_idle_ms: idleMs } = answer;
    current = open(id, broker_queue);
    news.restart();
    heartbeat.follow({ id, busyMs, idleMs });
    logger.info('session registered', { session_id: id, pool: answer.pool });
    onSession(current);
  };
  const open = (id: string, brokerQueue: string): RegisteredSession => {
    const controller = new AbortController();
    const lapse = (reason: string): void => {
      if (controller.signal.aborted || ending.signal.aborted) return;
      logger.error('session lapsed', { session_id: id, reason });
      heartbeat.rest();
      controller.abort(new SessionLapsedError(reason));
      void replace(id);
    };
    return { id, brokerQueue, signal: controller.signal, lapse };
  };
  const replace = async (lapsed: string): Promise<void> => {
    try {
      // Lapsed by our own wish it may still be live over there.
      await client.call(routes.endSession, { params: { id: lapsed } }).catch(() => undefined);
      await untilAdmitted(register, options, { news, signal: ending.signal });
    } catch (error) {
      if (!ending.signal.aborted) onFailure(error);
    }
  };
  const end = async (deadline: AbortSignal): Promise<void> => {
    ending.abort();
    heartbeat.rest();
    if (current === undefined) return;
    const call = client.call(routes.endSession, {
      params: { id: current.id },
      attempts: 2,
      signal: deadline,
    });
    await call.catch((error: unknown) => {
      if (error instanceof ApiError && error.status === 410) return;
      logger.warn('session not ended', { session_id: current?.id, error });
    });
  };
  return {
    start: () => register().catch(failStart),
    end,
    hear: (message) => {
      if (current !== undefined && message.sessionId === current.id) news.hear(message, current);
    },
    state: () => ({ sessionId: current?.id, ...news.state() }),
  };
}

/** Registers again and again while the backend takes our key no more. Rejects with anything else, and when the signal aborts. */
async function untilAdmitted(
  register: () => Promise<void>,
  { clock, logger }: Pick<SessionsOptions, 'clock' | 'logger'>,
  { news, signal }: { news: Pick<News, 'refuse'>; signal: AbortSignal },
): Promise<void> {
  const tell = refusalTeller({ logger, clock });
  for (;;) {
    try {
      return await register();
    } catch (error) {
      const refusal = refusalIn(error);
      if (refusal === undefined || signal.aborted) throw error;
      tell(refusal, REFUSED_EVERY_MS);
      news.refuse(refusal);
    }
    await clock.sleep(REFUSED_EVERY_MS, signal);
  }
}

/** The backend gave this session up: its runs belong to others now. */
class SessionLapsedError extends Error {
  override readonly name = 'SessionLapsedError';
}
