import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import axios from 'axios';
import type { AxiosRequestConfig } from 'axios';
import { BackendUnavailableError, errorOf, TooManyBytesError } from './errors.ts';

export const RUN_TOKEN_HEADER = 'X-Longshore-Run-Token';

export interface TransportRequest {
  readonly method: string;
  readonly path: string;
  readonly query?: Record<string, unknown> | undefined;
  readonly body?: unknown;
  readonly headers: Record<string, string>;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Largest answer that is read. */
  readonly maxBytes: number;
}

export interface Transport {
  /** The bytes of an answer below 400. @throws {ApiError | BackendUnavailableError | TooManyBytesError} */
  send(request: TransportRequest): Promise<Buffer>;
  /** Cuts the connections that are kept open. */
  close(): void;
}

/** HTTP over axios with connections that are kept open. No error of its own leaves it: those carry headers. */
export function createTransport({
  baseUrl,
  apiKey,
}: {
  baseUrl: string;
  apiKey: string | undefined;
}): Transport {
  const agents = {
    httpAgent: new HttpAgent({ keepAlive: true }),
    httpsAgent: new HttpsAgent({ keepAlive: true }),
  };
  const client = axios.create({
    ...agents,
    baseURL: baseUrl.replace(/\/+$/, ''),
    proxy: false,
    responseType: 'arraybuffer',
    // Bytes in, bytes out: what they mean is decided by the route.
    transformResponse: [(data: unknown) => data],
    validateStatus: () => true,
    maxBodyLength: Infinity,
    maxRedirects: 3,
    beforeRedirect: dropSecrets,
    headers: { Accept: 'application/json', ...(apiKey && { Authorization: `Bearer ${apiKey}` }) },
  });
  return {
    send: async (request) => {
      const answer = await client.request<Buffer>(configOf(request)).catch((error: unknown) => {
        request.signal?.throwIfAborted();
        throw translated(error, request.maxBytes);
      });
      if (answer.status < 400) return answer.data;
      const retryAfter = answer.headers['retry-after'] as string | undefined;
      throw errorOf({ status: answer.status, text: answer.data.toString('utf8'), retryAfter });
    },
    close: () => {
      agents.httpAgent.destroy();
      agents.httpsAgent.destroy();
    },
  };
}

function configOf(request: TransportRequest): AxiosRequestConfig {
  const { method, path, query, body, headers, timeoutMs, signal, maxBytes } = request;
  return {
    method,
    url: path,
    params: query,
    data: typeof body === 'function' ? (body as () => unknown)() : body,
    headers,
    timeout: timeoutMs,
    maxContentLength: maxBytes,
    // A GET of bytes may be answered with the address of the file store; nothing else is sent twice.
    ...(method !== 'get' && { maxRedirects: 0 }),
    ...(signal && { signal }),
  };
}

/** A file store has no business with our keys; its address carries its own. */
function dropSecrets(options: Record<string, unknown>): void {
  const headers = options['headers'] as Record<string, unknown>;
  for (const name of Object.keys(headers)) {
    if (/^(authorization|x-longshore-)/i.test(name)) delete headers[name];
  }
}

function translated(error: unknown, maxBytes: number): Error {
  const { code, message } = error as { code?: string; message?: string };
  if (/maxContentLength/.test(message ?? '')) return new TooManyBytesError(maxBytes);
  return new BackendUnavailableError([code, message].filter(Boolean).join(': ') || 'no answer');
}
