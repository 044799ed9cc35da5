import type { HeartbeatResponse } from '@longshore/contracts';
import type { Clock, Logger } from '@longshore/runtime';
import type { Session } from '../execution/session-link.ts';
import type { FromThread } from './heartbeat-messages.ts';
import { isRefusal, wordsOf } from './refusal.ts';

/** What heartbeats told last. Times are monotonic milliseconds. */
export interface SessionNews {
  /** Dispatches that are published for this pool and that nobody claimed. */
  readonly dispatched: number;
  /** When a heartbeat last told that there were none, or this process began to listen. */
  readonly noneDispatchedAt: number;
  /** Heartbeats in a row that told of some. */
  readonly timesDispatched: number;
  /** Why the backend does not let us in, in its words; undefined when it does. */
  readonly refusal: string | undefined;
}

export interface News {
  /** A new session: nothing was told yet. */
  restart(): void;
  /** The backend lets us have no session, for this reason. */
  refuse(reason: string): void;
  /** Heeds what a heartbeat of this session told. */
  hear(message: FromThread, session: Session): void;
  state(): SessionNews;
}

export interface NewsOptions {
  logger: Logger;
  clock: Clock;
  onCancelled: (runs: HeartbeatResponse['cancelled']) => void;
}

export function createNews({ logger, clock, onCancelled }: NewsOptions): News {
  let dispatched = 0;
  let noneDispatchedAt = clock.monotonic();
  let timesDispatched = 0;
  let refusal: string | undefined;

  const count = (given: number): void => {
    dispatched = given;
    timesDispatched = given > 0 ? timesDispatched + 1 : 0;
    if (given === 0) noneDispatchedAt = clock.monotonic();
  };
  const heed = (answer: HeartbeatResponse, session: Session): void => {
    refusal = undefined;
    count(answer.dispatched);
    if (answer.cancelled.length > 0) onCancelled(answer.cancelled);
    if (answer.status === 'lapsed') session.lapse('it was not heard of for too long');
  };
  const worry = (status: number | null, body: string, session: Session): void => {
    if (status === 410) return session.lapse('the backend does not know it any more');
    const reason = wordsOf(body);
    if (isRefusal(status)) refusal = reason;
    logger.warn('heartbeat failed', { session_id: session.id, status, reason });
  };
  return {
    restart: () => {
      refusal = undefined;
      count(0);
    },
    refuse: (reason) => (refusal = reason),
    hear: (message, session) => {
      if (message.type === 'answer') heed(message, session);
      else worry(message.status, message.reason, session);
    },
    state: () => ({ dispatched, noneDispatchedAt, timesDispatched, refusal }),
  };
}
