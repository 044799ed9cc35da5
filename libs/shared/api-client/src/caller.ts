import type { Clock, Logger } from '@longshore/runtime';
import { systemClock } from '@longshore/runtime';
import { createBreaker } from './breaker.ts';
import { jsonOf, UnexpectedAnswerError } from './errors.ts';
import type { Persistence } from './persistence.ts';
import { persist } from './persistence.ts';
import type { Transport } from './transport.ts';
import { RUN_TOKEN_HEADER } from './transport.ts';
import type { AnyRoute, RouteAnswer, RouteInput } from './typed-route.ts';
import { pathOf } from './typed-route.ts';

export interface CallSettings {
  /** Proves which claimed run this is about. */
  readonly runToken?: string;
  /** Ends the call and its retries: rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Of one try, milliseconds (default 30,000). */
  readonly timeoutMs?: number;
  /** Tries altogether. `Infinity` needs a signal. */
  readonly attempts?: number;
  /**
   * Goes on beyond its attempts for this long, milliseconds, while no other call of this client is served. Default: as the
   * client does, and 0 where `attempts` is given.
   */
  readonly patienceMs?: number;
  /** Largest answer that is read, bytes (default 64 MiB). */
  readonly maxBytes?: number;
}

export type CallOptions<R> = RouteInput<R> & CallSettings;

/**
 * Calls a route of the table. Resolves to its answer, checked against its schema.
 * @throws {ApiError} what the backend refused, rebuilt from its answer
 * @throws {BackendUnavailableError} when it did not answer
 * @throws {UnexpectedAnswerError} when it answered with something else
 */
export type Call = <R extends AnyRoute>(route: R, options: CallOptions<R>) => Promise<RouteAnswer<R>>;

export interface CallerOptions {
  transport: Transport;
  /** Of a call that does not say. */
  attempts: number;
  /** Of a call that names no attempts of its own; see {@link CallSettings.patienceMs}. Default 0. */
  patienceMs?: number | undefined;
  clock?: Clock | undefined;
  random?: (() => number) | undefined;
  /** Told when calls fail repeatedly and are held back, and when they succeed again. */
  logger?: Logger | undefined;
}

export interface Caller {
  call: Call;
  /** As `call`, for the bytes of a route whose answer is a stream. */
  bytes<R extends AnyRoute>(route: R, options: CallOptions<R>): Promise<Buffer>;
}

/** The input of any route, once its own type was checked. */
interface LooseInput {
  readonly params?: Record<string, unknown>;
  readonly query?: Record<string, unknown>;
  readonly body?: unknown;
}

const TIMEOUT_MS = 30_000;
const MAX_BYTES = 64 * 1024 * 1024;

/** The table of routes as functions, with retries behind one breaker. */
export function createCaller(options: CallerOptions): Caller {
  const { transport, attempts, clock = systemClock, random = Math.random } = options;
  const breaker = createBreaker({ clock, random, onChange: (open) => tell(options.logger, open) });
  const means = { breaker, clock, random };

  const persistenceOf = (given: CallSettings): Persistence => ({
    attempts: given.attempts ?? attempts,
    patienceMs: given.patienceMs ?? (given.attempts === undefined ? options.patienceMs : 0),
    signal: given.signal,
  });
  const bytes = async <R extends AnyRoute>(route: R, given: CallOptions<R>): Promise<Buffer> => {
    const { params, query, body, signal } = given as LooseInput & CallSettings;
    const request = {
      method: route.method,
      path: pathOf(route, params),
      query,
      // Serialised once, however often it is sent; of text axios would first make sure that it can be parsed.
      body: route.stream || body === undefined ? body : Buffer.from(JSON.stringify(body)),
      headers: headersOf(route, given.runToken, body),
      timeoutMs: given.timeoutMs ?? TIMEOUT_MS,
      maxBytes: given.maxBytes ?? MAX_BYTES,
      signal,
    };
    return persist(() => transport.send(request), persistenceOf(given), means);
  };
  const call: Call = async (route, given) => {
    const answer = await bytes(route, given);
    const parsed = route.response.safeParse(jsonOf(answer.toString('utf8')));
    if (parsed.success) return parsed.data as never;
    const { message } = parsed.error;
    throw new UnexpectedAnswerError(`${route.method} ${route.path} answered unexpectedly: ${message}`);
  };
  return { call, bytes };
}

function tell(logger: Logger | undefined, open: boolean): void {
  if (open) logger?.warn('backend does not answer, holding calls back');
  else logger?.info('backend answers again');
}

function headersOf(route: AnyRoute, runToken: string | undefined, body: unknown): Record<string, string> {
  const type = route.stream
    ? body instanceof Uint8Array || typeof body === 'function'
      ? 'application/octet-stream'
      : undefined
    : 'application/json';
  return {
    ...(body !== undefined && type && { 'Content-Type': type }),
    ...(runToken !== undefined && { [RUN_TOKEN_HEADER]: runToken }),
  };
}
