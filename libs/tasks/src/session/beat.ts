import { Agent as HttpAgent, request as requestHttp } from 'node:http';
import type { Agent } from 'node:http';
import type { HeartbeatRequest, HeartbeatResponse } from '@longshore/contracts';
import type { FromThread, HeartbeatData, ToThread } from './heartbeat-messages.ts';
import { activeIn, loopAgeMsIn, PULSE } from './heartbeat-messages.ts';

/** Renews a session, wherever it runs: on the main loop, or on that of the heartbeat thread. */
export interface Beat {
  hear(message: ToThread): void;
  /** Renews nothing from now on. */
  end(): void;
}

export interface BeatOptions extends HeartbeatData {
  tell: (message: FromThread) => void;
  /** The main loop stands still behind the hard limit of a run. Only a thread can see that. */
  onStuck?: (endSession: () => Promise<unknown>) => Promise<void>;
}

const ANSWER_WITHIN_MS = 5_000;
const RETRY_MS = 1_000;
/** Part of an idle pause after which the last heartbeat is too long ago for work to begin on: 3 s of 10, with sessions of 15. */
const LONG_PAST = 0.3;
/** A main loop that stands still this long behind the hard limit of a run will never see to that itself. */
const STUCK_MS = 5_000;

type Followed = Extract<ToThread, { type: 'session' }>;

/** Renews nothing until it is told to. It speaks node:http, so that a thread of its own stays small. */
export function createBeat(options: BeatOptions): Beat {
  const { pulse, tell, onStuck } = options;
  const cells = new BigInt64Array(pulse);
  const { send, close } = createSender(options);
  let session: Followed | undefined;
  const pause = createPause(() => void beat());
  let beating = false;
  let hurry = false;

  /** Renews the session once. Resolves to what waits unclaimed; null: it was not renewed. */
  const renew = async ({ id }: Followed): Promise<number | null> => {
    try {
      if (onStuck !== undefined && isStuck(cells)) await onStuck(() => send('DELETE', `/v1/sessions/${id}`));
      const { status, body } = await send('POST', `/v1/sessions/${id}/heartbeat`, pulseNow(cells));
      if (status !== 200) {
        tell({ type: 'trouble', sessionId: id, status, reason: body.slice(0, 500) });
        return null;
      }
      const answer = JSON.parse(body) as HeartbeatResponse;
      tell({ type: 'answer', sessionId: id, ...answer });
      return answer.dispatched;
    } catch (error) {
      tell({ type: 'trouble', sessionId: id, status: null, reason: (error as Error).message });
      return null;
    }
  };
  const beat = async (): Promise<void> => {
    if (session === undefined || beating) return;
    beating = true;
    hurry = false;
    pause.end();
    const asked = session;
    const dispatched = await renew(asked);
    beating = false;
    if (session === undefined) return;
    if (session !== asked || hurry) return beat();
    // Looked at now, not before: work that begins while this beats is told to nobody.
    pause.begin(pauseAfter(dispatched, { active: activeIn(cells) > 0, ...asked }));
  };
  /**
   * Work that has ended by then needed no heartbeat of its own. But where the last one is a while ago, what begins now may hold up the loop
   * for longer than the session has left.
   */
  const bringForward = (): void => {
    if (session === undefined || beating) return;
    if (pause.past() > session.idleMs * LONG_PAST) void beat();
    else if (pause.left() > session.busyMs) pause.begin(session.busyMs);
  };
  return {
    hear: (message) => {
      if (message.type === 'soon') return bringForward();
      if (message.type === 'session') session = message;
      if (message.type === 'rest') session = undefined;
      hurry ||= message.type === 'hurry';
      void beat();
    },
    end: () => {
      session = undefined;
      pause.end();
      close();
    },
  };
}

type Pace = Pick<Followed, 'busyMs' | 'idleMs'> & { readonly active: boolean };

function pauseAfter(dispatched: number | null, { active, busyMs, idleMs }: Pace): number {
  if (dispatched === null) return RETRY_MS;
  return active || dispatched > 0 ? busyMs : idleMs;
}

/** A pause after which `act` is called; one that begins before the last has ended changes its end. */
function createPause(act: () => void) {
  let timer: NodeJS.Timeout | undefined;
  let [began, ends] = [0, 0];
  return {
    begin: (ms: number): void => {
      if (timer === undefined) began = performance.now();
      clearTimeout(timer);
      ends = performance.now() + ms;
      timer = setTimeout(act, ms);
    },
    left: () => ends - performance.now(),
    past: () => performance.now() - began,
    end: (): void => {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}

function pulseNow(cells: BigInt64Array<SharedArrayBuffer>): HeartbeatRequest {
  return {
    active: activeIn(cells),
    loop_age_ms: loopAgeMsIn(cells),
    state: Atomics.load(cells, PULSE.draining) === 0n ? 'active' : 'draining',
    concurrency: Number(Atomics.load(cells, PULSE.concurrency)),
  };
}

/** A handler that never lets go of the main loop: the limit of its run cannot be kept from inside that loop. */
function isStuck(cells: BigInt64Array<SharedArrayBuffer>): boolean {
  const deadline = Atomics.load(cells, PULSE.hardDeadline);
  const isPast = deadline !== 0n && process.hrtime.bigint() > deadline + BigInt(STUCK_MS) * 1_000_000n;
  return isPast && loopAgeMsIn(cells) > STUCK_MS;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

function createSender({ baseUrl, serviceKey }: HeartbeatData) {
  let agent: Agent | undefined;
  const send = async (method: string, path: string, body?: HeartbeatRequest): Promise<Answer> => {
    // TLS costs memory: only who needs it loads it.
    const https = baseUrl.startsWith('https:') ? await import('node:https') : undefined;
    agent ??= https ? new https.Agent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const request = (https?.request ?? requestHttp)(`${baseUrl}${path}`, {
      method,
      agent,
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      headers: {
        authorization: `Bearer ${serviceKey}`,
        'content-type': 'application/json',
        accept: 'application/json',
      },
    });
    request.on('error', reject);
    request.on('response', (response) => {
      let read = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => (read += text));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: read }));
    });
    request.end(body && JSON.stringify(body));
    return promise;
  };
  return { send, close: () => agent?.destroy() };
}
