import { multipartOf } from '@longshore/client';
import { ApiError, errorBodySchema, type Route } from '@longshore/contracts';
import { CliError } from '../cli-error.ts';

export interface CallOptions<Params, Body> {
  params?: Params;
  query?: Readonly<Record<string, string>>;
  /** Sent as JSON, or as it is when it is a form with files. */
  body?: Body | FormData;
  signal?: AbortSignal;
}

/** Calls the public API of one platform with one key. */
export interface PlatformClient {
  readonly url: string;
  /**
   * Throws ApiError when the backend refuses, CliError when nobody answers there or something else than a Longshore does.
   */
  call<P, Q, B, R>(route: Route<P, Q, B, R>, options?: CallOptions<P, B>): Promise<R>;
}

export interface ClientOptions {
  url: string;
  key: string;
  fetch?: typeof globalThis.fetch;
}

/** A client for the routes of the contract. */
export function createPlatformClient({ url, key, fetch = globalThis.fetch }: ClientOptions): PlatformClient {
  const base = url.replace(/\/+$/, '');

  async function answerTo(path: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(`${base}${path}`, {
        ...init,
        headers: { ...init.headers, authorization: `Bearer ${key}` },
      });
    } catch (error) {
      init.signal?.throwIfAborted();
      const cause = error instanceof Error ? (error.cause ?? error) : error;
      const reason = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message;
      throw new CliError(
        `No Longshore answers at ${base} (${reason}): start it with "longshore up", or name another with --url.`,
      );
    }
  }

  return {
    url: base,
    call: async (route, { params, query = {}, body, signal } = {}) => {
      const search = new URLSearchParams(query).toString();
      const path = `${pathOf(route.path, params)}${search === '' ? '' : `?${search}`}`;
      const response = await answerTo(path, {
        method: route.method.toUpperCase(),
        ...bodyOf(body),
        ...(signal && { signal }),
      });
      const answer = await readAnswer(response, base);
      if (!response.ok) throw refusal(response, answer, base);
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

async function readAnswer(response: Response, base: string): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new CliError(
      `What answers at ${base} is not a Longshore (status ${response.status}, no JSON): check --url.`,
    );
  }
}

/** A deployment that ends in ERROR is answered with 422 and the usual body: no refusal, but no success either. */
function refusal(response: Response, answer: unknown, base: string): Error {
  const body = errorBodySchema.safeParse(answer).data;
  if (body === undefined)
    return new CliError(`${base} answered with status ${response.status} and no reason.`);
  const retryAfter = Number(response.headers.get('retry-after') ?? NaN);
  return new ApiError(response.status, body.errors, Number.isFinite(retryAfter) ? retryAfter : undefined);
}
