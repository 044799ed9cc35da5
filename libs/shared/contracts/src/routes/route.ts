import { z } from 'zod';

/** Who may call: nobody in particular, a key of that kind, or the token of one claimed run. */
export type RouteAuth = 'none' | 'service' | 'run_token' | 'admin' | 'organisation' | 'deployment';

export interface Route<Params, Query, Body, Response> {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  /** Express-style path; internal routes are relative to INTERNAL_API_BASE_URL. */
  readonly path: string;
  readonly area: 'internal' | 'public';
  readonly auth: RouteAuth;
  readonly params: z.ZodType<Params>;
  readonly query: z.ZodType<Query>;
  /** JSON body; `stream` routes read or write bytes themselves. */
  readonly body: z.ZodType<Body>;
  readonly response: z.ZodType<Response>;
  readonly stream: boolean;
}

export const nothing = z.unknown();

/** Fills in what most routes do not say: no parameters, no query, no body, JSON. */
export function route<P = unknown, Q = unknown, B = unknown, R = unknown>(
  given: Pick<Route<P, Q, B, R>, 'method' | 'path' | 'area' | 'auth' | 'response'> &
    Partial<Pick<Route<P, Q, B, R>, 'params' | 'query' | 'body' | 'stream'>>,
): Route<P, Q, B, R> {
  return {
    params: nothing as z.ZodType<P>,
    query: nothing as z.ZodType<Q>,
    body: nothing as z.ZodType<B>,
    stream: false,
    ...given,
  };
}

export const idParams = z.object({ id: z.uuid() });
export const okSchema = z.object({ status: z.literal('ok') });
