import { ApiError } from '@longshore/contracts';
import type { CallSettings } from '@longshore/api-client';
import { isUnavailable } from '@longshore/api-client';
import type { Session } from './session-link.ts';

export interface Sending<Item, Answer> {
  /** One call; the settings go along with it. */
  send: (items: readonly Item[], settings: CallSettings) => Promise<Answer[]>;
  /** The backend answers with an error to this very item. */
  failedAlone: (item: Item, error: unknown) => Promise<Answer>;
}

/** Of one call, before it is looked at what fails. */
const ATTEMPTS = 3;
/** How long a backend that answers nothing but errors of its own may be starting anew, milliseconds. */
const PATIENCE_MS = 60_000;

/** Of one batch: whether it may still wait for a backend that serves nobody. It does so once. */
interface Patience {
  left: boolean;
}

/** The backend answered with an error that a later try may not mend. */
class Stumble {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

/**
 * Sends a batch until the backend answered, or the session lapsed. An error of the backend's own may be about one item, or about a
 * backend that is just starting: where nothing else is served it is waited for a minute. A batch at which it stumbles is halved until
 * the item that it stumbles over is alone.
 */
export async function sendUntilAnswered<Item, Answer>(
  items: readonly Item[],
  session: Session,
  sending: Sending<Item, Answer>,
): Promise<Answer[]> {
  return deliver(items, session, sending, { left: true });
}

async function deliver<Item, Answer>(
  items: readonly Item[],
  session: Session,
  sending: Sending<Item, Answer>,
  patience: Patience,
): Promise<Answer[]> {
  const [first] = items as readonly [Item, ...Item[]];
  const alone = items.length === 1;
  const answers = await attempt(items, session, sending, alone ? patience : undefined);
  if (!(answers instanceof Stumble)) return answers;
  if (alone) return [await sending.failedAlone(first, answers.error)];
  return halved(items, session, sending, patience);
}

/** Whether it stumbles over the first half or over everything shows in the second, which waits. */
async function halved<Item, Answer>(
  items: readonly Item[],
  session: Session,
  sending: Sending<Item, Answer>,
  patience: Patience,
): Promise<Answer[]> {
  const middle = Math.ceil(items.length / 2);
  const [head, tail] = [items.slice(0, middle), items.slice(middle)];
  const early = await attempt(head, session, sending, undefined);
  if (!(early instanceof Stumble)) return [...early, ...(await deliver(tail, session, sending, patience))];
  const answers = await attempt(tail, session, sending, patience);
  const late = answers instanceof Stumble ? await deliver(tail, session, sending, { left: false }) : answers;
  return [...(await deliver(head, session, sending, { left: false })), ...late];
}

/** One call with its retries, repeated while nobody is there to answer. */
async function attempt<Item, Answer>(
  items: readonly Item[],
  session: Session,
  sending: Sending<Item, Answer>,
  patience: Patience | undefined,
): Promise<Answer[] | Stumble> {
  const patienceMs = patience?.left ? PATIENCE_MS : 0;
  for (;;) {
    try {
      return await sending.send(items, { attempts: ATTEMPTS, patienceMs, signal: session.signal });
    } catch (error) {
      if (error instanceof ApiError && error.status === 410)
        session.lapse('the backend does not know it any more');
      session.signal.throwIfAborted();
      if (isUnavailable(error)) continue;
      if (patience) patience.left = false;
      return new Stumble(error);
    }
  }
}
