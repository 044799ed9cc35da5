/*
 * Entry of the heartbeat thread: says that this process is alive, however busy its main loop is. It speaks node:http
 * instead of axios so that it stays small: a bundle of its own, and some megabytes less in each worker process.
 */
import { writeSync } from 'node:fs';
import { Agent as HttpAgent, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { text } from 'node:stream/consumers';
import { parentPort, workerData } from 'node:worker_threads';
import type { HeartbeatRequest, HeartbeatResponse } from '@longshore/contracts';
import type { FromThread, HeartbeatThreadData, ToThread } from './heartbeat-messages.ts';
import { PULSE } from './heartbeat-messages.ts';

if (parentPort === null) throw new Error('The heartbeat runs only as a worker thread.');
const port = parentPort;
const { worker, baseUrl, serviceKey, pulse } = workerData as HeartbeatThreadData;
const cells = new BigInt64Array(pulse);
const secure = baseUrl.startsWith('https:');
const agent = secure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });

const ANSWER_WITHIN_MS = 5_000;
const RETRY_MS = 1_000;
/** A main loop that stands still this long behind the hard limit of a run will never see to that itself. */
const STUCK_NS = 5_000_000_000n;

let session: Extract<ToThread, { type: 'session' }> | undefined;
let next: NodeJS.Timeout | undefined;
let beating = false;
let hurry = false;

port.on('message', (message: ToThread) => {
  if (message.type === 'session') session = message;
  if (message.type === 'rest') session = undefined;
  hurry ||= message.type === 'hurry';
  void beat();
});

async function beat(): Promise<void> {
  if (session === undefined || beating) return;
  beating = true;
  hurry = false;
  clearTimeout(next);
  const asked = session;
  const pauseMs = await renew(asked);
  beating = false;
  if (session !== asked || hurry) return beat();
  next = setTimeout(() => void beat(), pauseMs);
}

/** Renews the session once. Resolves to the pause before the next time. */
async function renew({ id, busyMs, idleMs }: NonNullable<typeof session>): Promise<number> {
  const tell = (message: FromThread): void => port.postMessage(message);
  try {
    if (isStuck()) await giveUp(id);
    const { status, body } = await send('POST', `/v1/sessions/${id}/heartbeat`, pulseNow());
    if (status !== 200) {
      tell({ type: 'trouble', sessionId: id, status, reason: body.slice(0, 500) });
      return RETRY_MS;
    }
    const answer = JSON.parse(body) as HeartbeatResponse;
    tell({ type: 'answer', sessionId: id, ...answer });
    return cell(PULSE.active) > 0n || answer.dispatched > 0 ? busyMs : idleMs;
  } catch (error) {
    tell({ type: 'trouble', sessionId: id, status: null, reason: (error as Error).message });
    return RETRY_MS;
  }
}

function cell(index: number): bigint {
  return Atomics.load(cells, index);
}

function loopAgeNs(): bigint {
  const age = process.hrtime.bigint() - cell(PULSE.tick);
  return age > 0n ? age : 0n;
}

function pulseNow(): HeartbeatRequest {
  return {
    active: Number(cell(PULSE.active)),
    loop_age_ms: Number(loopAgeNs() / 1_000_000n),
    state: cell(PULSE.draining) === 0n ? 'active' : 'draining',
    concurrency: Number(cell(PULSE.concurrency)),
  };
}

/** A handler that never lets go of the main loop: the limit of its run cannot be kept from inside that loop. */
function isStuck(): boolean {
  const deadline = cell(PULSE.hardDeadline);
  return deadline !== 0n && process.hrtime.bigint() > deadline + STUCK_NS && loopAgeNs() > STUCK_NS;
}

/** Gives the session's runs to others, and the process to its supervisor. */
async function giveUp(id: string): Promise<void> {
  await send('DELETE', `/v1/sessions/${id}`).catch(() => undefined);
  const message = 'main loop stands still behind the hard limit of a run, this process is ended';
  // Straight to the file: a thread's own streams go through the main loop.
  writeSync(1, `${JSON.stringify({ time: new Date().toISOString(), level: 'error', worker, message })}\n`);
  process.kill(process.pid, 'SIGKILL');
}

function send(
  method: string,
  path: string,
  body?: HeartbeatRequest,
): Promise<{ status: number; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  const request = (secure ? requestHttps : requestHttp)(`${baseUrl}${path}`, {
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
    text(response).then((read) => resolve({ status: response.statusCode ?? 0, body: read }), reject);
  });
  request.end(body && JSON.stringify(body));
  return promise;
}
