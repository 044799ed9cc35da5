import type { Readable } from 'node:stream';
import type { Route } from '@longshore/contracts';

// `any` is the only way to say "whatever its four types are" and still infer them.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyRoute = Route<any, any, any, any>;

/** Bytes that a stream route takes; a stream is made anew for each try. */
export type StreamBody = FormData | Uint8Array | (() => Readable);

type Part<Name extends string, T, Otherwise = never> = unknown extends T
  ? { readonly [K in Name]?: Otherwise }
  : { readonly [K in Name]: T };

/** What a call of this route has to be given: just the parts that its row in the table names. */
export type RouteInput<R> =
  R extends Route<infer P, infer Q, infer B, infer _>
    ? Part<'params', P> &
        Part<'query', Q, Record<string, string | number | boolean>> &
        Part<'body', B, StreamBody>
    : never;

/** What a call of this route answers with. */
export type RouteAnswer<R> = R extends Route<infer _P, infer _Q, infer _B, infer A> ? A : never;

/** The path with its `:names` filled in, each escaped. @throws {TypeError} when one is missing */
export function pathOf(route: AnyRoute, params: Record<string, unknown> = {}): string {
  return route.path.replace(/:(\w+)/g, (_whole, name: string) => {
    const value = params[name];
    if (typeof value !== 'string' || value === '')
      throw new TypeError(`${route.path} needs the parameter ${name}`);
    return encodeURIComponent(value);
  });
}
