import { z } from 'zod';
import type { ErrorCode } from '../errors.ts';

/** Who may call: nobody in particular, a key of that kind, or the token of one claimed run. */
export type RouteAuth = 'none' | 'service' | 'run_token' | 'admin' | 'organisation' | 'deployment';

export interface Route<Params, Query, Body, Response, QueryInput = unknown, BodyInput = unknown> {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** Express-style path; internal routes are relative to INTERNAL_API_BASE_URL. */
  readonly path: string;
  readonly area: 'internal' | 'public';
  readonly auth: RouteAuth;
  /** With what a request without a key is refused. Default: `missing_api_key`, which is 403. */
  readonly withoutKey: 'missing_api_key' | 'key_required';
  readonly params: z.ZodType<Params>;
  readonly query: z.ZodType<Query, QueryInput>;
  /** JSON body; `stream` routes read or write bytes themselves. */
  readonly body: z.ZodType<Body, BodyInput>;
  readonly response: z.ZodType<Response>;
  readonly stream: boolean;
  /** The name of the administrative act that it is, for the audit log; null when it is none. */
  readonly audit: string | null;
  readonly documentation: RouteDocumentation;
}

/** What a reader of the public API is told beyond the types. All of it has a default. */
export interface RouteDocumentation {
  /** One line. Default: the words of the route's name. */
  readonly summary?: string;
  readonly description?: string;
  /** The group under which it is listed. Default: the resource in its path. */
  readonly tag?: string;
  /** Statuses that carry the response, each with its meaning. Default: 200. */
  readonly success?: Readonly<Record<number, string>>;
  /** Codes of refusals, beyond those that follow from authentication, parameters and body. */
  readonly errors?: readonly ErrorCode[];
  /** Media type of the answer. Default: application/json. */
  readonly media?: string;
  /** Query parameters that the handler reads itself, where the order of its checks matters. */
  readonly query?: z.ZodType;
  /** Fields of the multipart form that a stream route reads. */
  readonly form?: z.ZodType;
  /** Headers that the handler reads, with their meaning. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A body, or an answer, as an example. */
  readonly examples?: { readonly body?: unknown; readonly response?: unknown };
}

export const nothing = z.unknown();

/** Fills in what most routes do not say: no parameters, no query, no body, JSON, no administrative act. */
export function route<P = unknown, Q = unknown, B = unknown, R = unknown, QI = Q, BI = B>(
  given: Pick<Route<P, Q, B, R, QI, BI>, 'method' | 'path' | 'area' | 'auth' | 'response'> &
    Partial<
      Pick<
        Route<P, Q, B, R, QI, BI>,
        'params' | 'query' | 'body' | 'stream' | 'audit' | 'withoutKey' | 'documentation'
      >
    >,
): Route<P, Q, B, R, QI, BI> {
  return {
    params: nothing as z.ZodType<P>,
    query: nothing as z.ZodType<unknown> as z.ZodType<Q, QI>,
    body: nothing as z.ZodType<unknown> as z.ZodType<B, BI>,
    stream: false,
    audit: null,
    withoutKey: 'missing_api_key',
    documentation: {},
    ...given,
  };
}

export const idParams = z.object({ id: z.uuid() });
export const okSchema = z.object({ status: z.literal('ok') });
