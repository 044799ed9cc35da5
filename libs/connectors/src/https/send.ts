import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { GuardedTarget } from '../guard/guarded-target.ts';
import { FetchError } from './fetch-error.ts';

export interface SendOptions {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly signal: AbortSignal;
  /** How long until the head of the answer must be there, ms. */
  readonly silenceMs: number;
  /** All authorities that are trusted, PEM; undefined: the usual ones. */
  readonly ca: string[] | undefined;
}

/** Sends one request over a connection of its own and resolves with the head of the answer; follows nothing. */
export function send({ url, lookup }: GuardedTarget, options: SendOptions): Promise<IncomingMessage> {
  const { method, headers, body, signal, silenceMs, ca } = options;
  const details: RequestOptions & { ca?: string[] } = {
    // A connection that was made for another request was checked under another name.
    agent: false,
    lookup,
    signal,
    method,
    headers: {
      ...headers,
      'User-Agent': 'longshore',
      ...(body === undefined ? {} : { 'Content-Length': body.length }),
    },
    ...(ca === undefined ? {} : { ca }),
  };
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? httpsRequest(url, details) : httpRequest(url, details);
    const tooLong = () => request.destroy(new FetchError('timeout', 'its server did not answer in time'));
    const patience = setTimeout(tooLong, silenceMs);
    request.once('close', () => clearTimeout(patience));
    request.once('response', (response) => {
      clearTimeout(patience);
      resolve(response);
    });
    request.on('error', reject);
    request.end(body);
  });
}
