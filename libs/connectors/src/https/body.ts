import type { IncomingMessage } from 'node:http';
import { addAbortSignal, PassThrough, pipeline, type Duplex, type Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { asFetchError, FetchError } from './fetch-error.ts';

export interface BodyOptions {
  readonly signal: AbortSignal;
  /** How long the server may be silent while its bytes are awaited, ms. */
  readonly silenceMs: number;
  /** More bytes than this, unpacked, are refused. */
  readonly maxBytes: number;
}

/** So much is read ahead of whoever reads the body: several small files arrive at once, a large one waits. */
const AHEAD_BYTES = 512 * 1024;

const unpackers: Readonly<Record<string, () => Duplex>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/**
 * The bytes of an answer, unpacked when they came packed. @throws FetchError at once when the answer says that it is too
 * large or packed in an unknown way; while it is read, for all that may happen.
 */
export function bodyOf(response: IncomingMessage, options: BodyOptions): AsyncIterable<Buffer> {
  const packing = (response.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  const stated = Number(response.headers['content-length'] ?? 0);
  const problem = problemOf(packing, stated, options.maxBytes);
  if (problem !== null) {
    response.destroy();
    throw problem;
  }
  const ahead = addAbortSignal(options.signal, new PassThrough({ highWaterMark: AHEAD_BYTES }));
  // Whoever reads gets the error; while nobody does, it must not end the process.
  const done = () => undefined;
  if (packing in unpackers) pipeline(response, unpackers[packing]!(), ahead, done);
  else pipeline(response, ahead, done);
  return chunksOf(ahead, options);
}

function problemOf(packing: string, stated: number, maxBytes: number): FetchError | null {
  if (packing === 'identity') return stated > maxBytes ? tooLarge(maxBytes) : null;
  const isKnown = Object.hasOwn(unpackers, packing);
  return isKnown ? null : new FetchError('refused', 'its server packs it in a way that is not known here');
}

async function* chunksOf(
  stream: Readable,
  { signal, silenceMs, maxBytes }: BodyOptions,
): AsyncGenerator<Buffer> {
  const silent = () => stream.destroy(new FetchError('timeout', 'its server went silent'));
  let patience = setTimeout(silent, silenceMs);
  let received = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      clearTimeout(patience);
      received += chunk.length;
      if (received > maxBytes) throw tooLarge(maxBytes);
      yield chunk;
      // Only the time that we wait for the server counts, not the time that it waits for us.
      patience = setTimeout(silent, silenceMs);
    }
  } catch (error) {
    throw asFetchError(error, signal);
  } finally {
    clearTimeout(patience);
  }
}

function tooLarge(maxBytes: number): FetchError {
  return new FetchError('too_large', `it is larger than ${maxBytes} bytes`);
}
