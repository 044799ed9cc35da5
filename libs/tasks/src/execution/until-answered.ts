import { ApiError } from '@longshore/contracts';
import { isUnavailable } from '@longshore/api-client';
import type { Session } from './session-link.ts';

export interface Sending<Item, Answer> {
  /** One call; the settings go along with it. */
  send: (items: readonly Item[], settings: { attempts: number; signal: AbortSignal }) => Promise<Answer[]>;
  /** The backend answers with an error to this very item. */
  failedAlone: (item: Item, error: unknown) => Promise<Answer>;
}

/** Of one call, before it is looked at what fails. */
const ATTEMPTS = 3;

/**
 * Sends a batch until the backend answered, or the session lapsed. A batch at which it stumbles is halved until the
 * item that it stumbles over is alone.
 */
export async function sendUntilAnswered<Item, Answer>(
  items: readonly Item[],
  session: Session,
  sending: Sending<Item, Answer>,
): Promise<Answer[]> {
  for (;;) {
    try {
      return await sending.send(items, { attempts: ATTEMPTS, signal: session.signal });
    } catch (error) {
      if (error instanceof ApiError && error.status === 410)
        session.lapse('the backend does not know it any more');
      session.signal.throwIfAborted();
      if (!isUnavailable(error)) return stumbled(items, session, sending, error);
    }
  }
}

async function stumbled<Item, Answer>(
  items: readonly Item[],
  session: Session,
  sending: Sending<Item, Answer>,
  error: unknown,
): Promise<Answer[]> {
  const [first] = items as readonly [Item, ...Item[]];
  if (items.length === 1) return [await sending.failedAlone(first, error)];
  const middle = Math.ceil(items.length / 2);
  const answers = await sendUntilAnswered(items.slice(0, middle), session, sending);
  return [...answers, ...(await sendUntilAnswered(items.slice(middle), session, sending))];
}
