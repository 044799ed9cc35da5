import type { Route, Routes } from '@longshore/contracts';
import type { operations } from './operations.ts';

/** The operations of the public API, by name. */
export type OperationName = keyof typeof operations;

type PathNames<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | PathNames<`/${Rest}`>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never;

type Part<Key extends string, T> = unknown extends T
  ? { readonly [K in Key]?: never }
  : Record<never, never> extends T
    ? { readonly [K in Key]?: T }
    : { readonly [K in Key]: T };

type Params<Path extends string> = [PathNames<Path>] extends [never]
  ? { readonly params?: never }
  : { readonly params: { readonly [K in PathNames<Path>]: string | number } };

/** What a call of this operation has to be given. A form stands for what an operation reads as a stream. */
export type Input<Name extends OperationName> =
  Routes[Name] extends Route<infer _P, infer _Q, infer _B, infer _R, infer Query, infer Body>
    ? Params<(typeof operations)[Name][1]> &
        Part<'query', Query> &
        Part<'body', Body> & { readonly form?: FormData }
    : never;

/** What this operation answers. */
export type Answer<Name extends OperationName> =
  Routes[Name] extends Route<infer _P, infer _Q, infer _B, infer R> ? R : never;
