import type { Route } from '@longshore/contracts';
import type { Request } from 'express';
import type { Key } from '../keys/keys.ts';

/** One request on its way through the server, as those see it who watch over it. */
export interface Exchange {
  readonly request: Request;
  readonly requestId: string;
  readonly route: Pick<Route<unknown, unknown, unknown, unknown>, 'method' | 'path' | 'auth' | 'audit'>;
  /** The good key that was shown; null until one was, and for as long as none is. */
  key: Key | null;
}
