import type { Readable } from 'node:stream';
import { workerRoutes as routes } from '@longshore/contracts';
import type { JsonValue, TakenFile } from '@longshore/contracts';
import type { Clock, Logger } from '@longshore/runtime';
import type { Call } from './caller.ts';
import { createCaller } from './caller.ts';
import { jsonOf, UnexpectedAnswerError } from './errors.ts';
import { createTransport } from './transport.ts';

/** The internal API, for workers. */
export interface BackendClient {
  /**
   * Tries at least four times, and for a minute while no call is served, unless it is told otherwise; behind one breaker for all calls.
   */
  call: Call;
  /** The content of a file of the run's execution. @throws {TooManyBytesError} */
  fetchFile(fileId: string, options: FetchOptions): Promise<Buffer>;
  /** What a child of the run, or of the fan-out that it follows, made; null for nothing. @throws {UnexpectedAnswerError} when it is no JSON */
  fetchChildOutput(runId: string, childId: string, options: StoreOptions): Promise<JsonValue>;
  /** Stores an output that is too large for a report; the answer's `ref` goes into the report. */
  storeOutput(
    runId: string,
    bytes: Uint8Array,
    options: StoreOptions,
  ): Promise<{ ref: string; size: number }>;
  /**
   * Brings a file of a source into the run's execution; `open` is called for each try. Rejects with what the stream fails
   * with, at once.
   */
  sendFile(
    runId: string,
    file: { readonly path: string; readonly ordinal: number; readonly mark?: string | undefined },
    options: SendOptions,
  ): Promise<TakenFile>;
  /** Cuts the connections that are kept open. */
  close(): void;
}

interface StoreOptions {
  readonly runToken: string;
  readonly signal?: AbortSignal | undefined;
}

interface SendOptions extends StoreOptions {
  readonly open: () => Readable;
}

interface FetchOptions extends StoreOptions {
  readonly maxBytes: number;
}

export interface BackendClientOptions {
  /** INTERNAL_API_BASE_URL. */
  baseUrl: string;
  /** INTERNAL_SERVICE_API_KEY. */
  serviceKey: string;
  logger: Logger;
  clock?: Clock;
  /** Uniform in [0, 1). */
  random?: () => number;
}

const ATTEMPTS = 4;
/** A backend behind a proxy that starts anew, with time to spare. */
const PATIENCE_MS = 60_000;
/** A large file over a slow line. */
const STREAM_TIMEOUT_MS = 300_000;

/** A client of the internal API with a service key. */
export function createBackendClient(options: BackendClientOptions): BackendClient {
  const transport = createTransport({ baseUrl: options.baseUrl, apiKey: options.serviceKey });
  const { clock, random, logger } = options;
  const { call, bytes } = createCaller({
    ...{ transport, clock, random, logger },
    ...{ attempts: ATTEMPTS, patienceMs: PATIENCE_MS },
  });
  return {
    call,
    fetchFile: (id, { runToken, maxBytes, signal }) =>
      bytes(routes.fileContent, { params: { id }, runToken, maxBytes, signal, timeoutMs: STREAM_TIMEOUT_MS }),
    fetchChildOutput: async (id, childId, { runToken, signal }) => {
      const params = { id, child_id: childId };
      const answer = await bytes(routes.childOutput, {
        params,
        runToken,
        signal,
        timeoutMs: STREAM_TIMEOUT_MS,
      });
      const output = jsonOf(answer.toString('utf8')) as JsonValue | undefined;
      if (output === undefined)
        throw new UnexpectedAnswerError(`The output of the run ${childId} is no JSON`);
      return output;
    },
    storeOutput: (id, body, { runToken, signal }) =>
      call(routes.storeOutput, { params: { id }, body, runToken, signal, timeoutMs: STREAM_TIMEOUT_MS }),
    sendFile: async (id, query, { open, runToken, signal }) => {
      const source = createSource(open);
      const either = AbortSignal.any([source.broken, ...(signal === undefined ? [] : [signal])]);
      const timeoutMs = STREAM_TIMEOUT_MS;
      try {
        return await call(routes.takePipelineFile, {
          ...{ params: { id }, query, body: source.open, runToken, signal: either, timeoutMs },
        });
      } finally {
        source.close();
      }
    },
    close: () => transport.close(),
  };
}

/** A stream that is opened again for each try. That it fails is no fault of the backend, and ends the call. */
function createSource(open: () => Readable) {
  const broken = new AbortController();
  let latest: Readable | undefined;
  return {
    broken: broken.signal,
    open: () => {
      latest?.destroy();
      latest = open();
      latest.on('error', (error) => broken.abort(error));
      return latest;
    },
    close: () => void latest?.destroy(),
  };
}
