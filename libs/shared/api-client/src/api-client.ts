import type { Clock } from '@longshore/runtime';
import type { Call } from './caller.ts';
import { createCaller } from './caller.ts';
import { createTransport } from './transport.ts';

/** The public API, for programs of people. */
export interface ApiClient {
  /** Tries once unless it is told otherwise. */
  call: Call;
  /** Cuts the connections that are kept open. */
  close(): void;
}

/** A client of the public API with a key of an organisation, a deployment or an admin. */
export function createApiClient(options: { url: string; apiKey?: string; clock?: Clock }): ApiClient {
  const transport = createTransport({ baseUrl: options.url, apiKey: options.apiKey });
  const { call } = createCaller({ transport, attempts: 1, clock: options.clock });
  return { call, close: () => transport.close() };
}
