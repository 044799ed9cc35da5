import { multipartOf } from '@longshore/client';
import { ApiError, errorBodySchema, type Route, routes } from '@longshore/contracts';
import { CliError, exitCodes, UnansweredError } from '../cli-error.ts';

export interface CallOptions<Params, Body> {
  params?: Params;
  query?: Readonly<Record<string, string>>;
  /** Sent as JSON, or as it is when it is a form with files. */
  body?: Body | FormData;
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
}

/** Calls the public API of one platform with one key. */
export interface PlatformClient {
  readonly url: string;
  /**
   * Throws ApiError when the backend refuses, CliError when nobody answers there or something else than a Longshore does.
   */
  call<P, Q, B, R>(route: Route<P, Q, B, R>, options?: CallOptions<P, B>): Promise<R>;
  /** The answer of a route that streams, as it begins. Throws as {@link PlatformClient.call}. */
  open<P>(route: Route<P, unknown, unknown, unknown>, options?: CallOptions<P, never>): Promise<Response>;
}

export interface ClientOptions {
  url: string;
  key: string;
  fetch?: typeof globalThis.fetch;
  /** What to do when nobody answers, in words that follow a colon. Default: to start one, or to name another. */
  advice?: () => string;
}

const START_ONE = 'start it with "longshore up", or name another with --url.';

/** A client for the routes of the contract. */
export function createPlatformClient({
  url,
  key,
  fetch = globalThis.fetch,
  advice = () => START_ONE,
}: ClientOptions): PlatformClient {
  const base = url.replace(/\/+$/, '');

  async function answerTo(path: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(`${base}${path}`, {
        ...init,
        headers: { ...init.headers, authorization: `Bearer ${key}` },
      });
    } catch (error) {
      init.signal?.throwIfAborted();
      throw new UnansweredError(`No Longshore answers at ${base} (${reasonOf(error)}): ${advice()}`, {
        cause: error,
      });
    }
  }

  return {
    url: base,
    open: async (route, { params, headers = {}, signal } = {}) => {
      const init = { method: route.method.toUpperCase(), headers, ...(signal && { signal }) };
      const response = await answerTo(pathOf(route.path, params), init);
      if (!response.ok) throw refusal(response, await readAnswer(response, base, signal), base);
      return response;
    },
    call: async (route, { params, query = {}, body, headers, signal } = {}) => {
      const search = new URLSearchParams(query).toString();
      const path = `${pathOf(route.path, params)}${search === '' ? '' : `?${search}`}`;
      const response = await answerTo(path, {
        method: route.method.toUpperCase(),
        ...withHeaders(bodyOf(body), headers),
        ...(signal && { signal }),
      });
      const answer = await readAnswer(response, base, signal);
      if (!response.ok && !isOutcome(route, response, answer)) throw refusal(response, answer, base);
      return route.response.parse(answer);
    },
  };
}

function pathOf(path: string, params: unknown): string {
  return path.replace(/:(\w+)/g, (_whole, name: string) => {
    return encodeURIComponent(String((params as Record<string, unknown> | undefined)?.[name] ?? ''));
  });
}

function bodyOf(body: unknown): Pick<RequestInit, 'body' | 'headers' | 'duplex'> {
  if (body === undefined) return {};
  if (body instanceof FormData) return multipartOf(body);
  return { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
}

function withHeaders(
  request: ReturnType<typeof bodyOf>,
  headers: Readonly<Record<string, string>> = {},
): ReturnType<typeof bodyOf> {
  return { ...request, headers: { ...(request.headers as Record<string, string> | undefined), ...headers } };
}

async function readAnswer(response: Response, base: string, signal?: AbortSignal): Promise<unknown> {
  const text = await textOf(response, base, signal);
  try {
    return JSON.parse(text);
  } catch {
    if (isNobodyThere(response)) throw nobodyBehind(response, base);
    throw new CliError(
      `What answers at ${base} is not a Longshore (status ${response.status}, no JSON): check --url.`,
      { exitCode: exitCodes.unreachable },
    );
  }
}

async function textOf(response: Response, base: string, signal: AbortSignal | undefined): Promise<string> {
  try {
    return await response.text();
  } catch (error) {
    signal?.throwIfAborted();
    throw new UnansweredError(`The answer of ${base} was cut off (${reasonOf(error)}): try again.`, {
      cause: error,
    });
  }
}

function reasonOf(error: unknown): string {
  const cause = (error as Error).cause ?? error;
  return (cause as NodeJS.ErrnoException).code ?? (cause as Error).message;
}

/** What a gateway says that does not reach the platform. */
function isNobodyThere({ status }: Response): boolean {
  return status === 502 || status === 503 || status === 504;
}

function nobodyBehind({ status }: Response, base: string): UnansweredError {
  return new UnansweredError(
    `No Longshore answers behind ${base} (status ${status}): try again in a moment.`,
  );
}

const EXECUTION_PATHS: readonly string[] = [routes.executeDeployment.path, routes.runPipeline.path];

/**
 * Where executions are accepted and asked for, some outcomes have a status that elsewhere means a refusal, with the usual body: 422 for one that
 * ended in ERROR or has not ended, 406 for a result that was read before.
 */
function isOutcome({ path }: { path: string }, { status }: Response, answer: unknown): boolean {
  const isTold = EXECUTION_PATHS.includes(path) && (status === 422 || status === 406);
  return isTold && !errorBodySchema.safeParse(answer).success;
}

function refusal(response: Response, answer: unknown, base: string): Error {
  const body = errorBodySchema.safeParse(answer).data;
  if (body === undefined && isNobodyThere(response)) return nobodyBehind(response, base);
  if (body === undefined)
    return new CliError(`${base} answered with status ${response.status} and no reason.`);
  const retryAfter = Number(response.headers.get('retry-after') ?? NaN);
  return new ApiError(response.status, body.errors, Number.isFinite(retryAfter) ? retryAfter : undefined);
}
