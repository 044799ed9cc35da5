import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { HealthAnswer, HealthQuestion } from '@longshore/runtime';

/** What the front at a health port says to the main loop, for which it stands there. */
export type FromFront =
  | { readonly type: 'here' }
  | { readonly type: 'listening' }
  | { readonly type: 'ask'; readonly id: number; readonly question: HealthQuestion };
/** `health` is what the main loop says to `/health` at the moment. */
export type ToFront =
  | { readonly type: 'listen'; readonly host: string; readonly port: number; readonly health: HealthAnswer }
  | { readonly type: 'answer'; readonly id: number; readonly answer: HealthAnswer };

export interface HealthFrontOptions {
  /** The way to the main loop. */
  channel: {
    postMessage(message: FromFront): void;
    on(event: 'message', listener: (message: ToFront) => void): unknown;
  };
  /** How long ago the main loop turned, milliseconds. */
  loopAgeMs: () => number;
  /** Slots in use. */
  active: () => number;
}

/** A main loop that nobody holds up turns more often; this one is not waited for. */
const HELD_UP_MS = 3_000;
/** From here on the worker is red: a long computation has ended by then, and who restarts what is not alive may do so. */
const RED_MS = 20_000;
const LOOK_EVERY_MS = 250;
const REQUEST_TIMEOUT_MS = 5_000;

/**
 * Answers at a health port for a main loop that may stand still, from a loop of its own: it hands each question on, and where the main loop
 * does not turn it says so itself. It speaks node:http, so that its thread stays small. Listens when the main loop tells it where.
 */
export function openHealthFront({ channel, loopAgeMs, active }: HealthFrontOptions): Server {
  const waiting = new Map<number, (answer: HealthAnswer) => void>();
  let health: Record<string, unknown> = {};
  let asked = 0;

  const heldUp = (path: string): HealthAnswer | undefined => {
    const ageMs = loopAgeMs();
    return ageMs > HELD_UP_MS ? standstill(path, ageMs, { ...health, active_tasks: active() }) : undefined;
  };
  const remember = ({ body }: HealthAnswer): void => {
    health = JSON.parse(body) as Record<string, unknown>;
  };
  const handOn = async (question: HealthQuestion): Promise<HealthAnswer> => {
    const id = (asked += 1);
    const { promise, resolve } = Promise.withResolvers<HealthAnswer>();
    waiting.set(id, resolve);
    const look = (): void => {
      const answer = heldUp(question.path);
      if (answer !== undefined) resolve(answer);
    };
    const looking = setInterval(look, LOOK_EVERY_MS);
    channel.postMessage({ type: 'ask', id, question });
    const answer = await promise;
    clearInterval(looking);
    waiting.delete(id);
    if (question.path === '/health' && heldUp(question.path) === undefined) remember(answer);
    return answer;
  };
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS });
  server.on('request', (request, response) => {
    const question = { method: request.method ?? '', path: request.url?.split('?')[0] ?? '' };
    void (async () => {
      const { status, body, contentType } = heldUp(question.path) ?? (await handOn(question));
      response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' });
      response.end(body);
    })();
  });
  channel.on('message', (message) => {
    if (message.type === 'answer') return waiting.get(message.id)?.(message.answer);
    remember(message.health);
    // A port that was taken from us in between ends the thread, and with it the process: it starts anew.
    server.listen(message.port, message.host, () => channel.postMessage({ type: 'listening' }));
  });
  channel.postMessage({ type: 'here' });
  return server;
}

/** What is known of a process whose main loop stands still; the numbers are those that it told last. */
function standstill(path: string, ageMs: number, health: Record<string, unknown>): HealthAnswer {
  const { worker } = health;
  const reason = `the main loop has stood still for ${Math.floor(ageMs / 1000)} s`;
  const isRed = ageMs > RED_MS;
  if (path === '/health')
    return json(isRed ? 503 : 200, { ...health, status: isRed ? 'unhealthy' : 'healthy', reasons: [reason] });
  if (path === '/live' && !isRed) return json(200, { status: 'alive', worker });
  return json(503, { status: path === '/ready' ? 'not ready' : 'stands still', worker, reason });
}

function json(status: number, body: Record<string, unknown>): HealthAnswer {
  return { status, body: JSON.stringify(body), contentType: 'application/json' };
}
