import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { FetchError } from '../https/fetch-error.ts';
import type { WebAccess } from '../https/web-access.ts';
import { addressOf, type BucketPlace } from './address.ts';
import { S3Error, s3ErrorOf } from './s3-error.ts';
import { xmlTexts } from './xml-texts.ts';

export interface S3Secret {
  readonly access_key_id: string;
  readonly secret_access_key: string;
  readonly session_token?: string | undefined;
}

export interface BucketOptions {
  readonly place: BucketPlace;
  readonly secret: S3Secret;
  readonly web: WebAccess;
  /** Before the second try; twice as long before the third, ms. Default 400. */
  readonly pauseMs?: number;
}

export interface BucketRequest {
  readonly method: 'GET' | 'PUT';
  /** Undefined: the bucket itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly signal: AbortSignal;
  /** What is done, as a message about its failure begins. */
  readonly operation: string;
}

/** One bucket, by signed requests. */
export interface Bucket {
  /** The answer to a request that succeeded; its body must be read or destroyed. Three tries where trying again may help. @throws S3Error */
  request(request: BucketRequest): Promise<IncomingMessage>;
}

const TRIES = 3;
const PAUSE_MS = 400;
const NO_BYTES_SHA256 = hash('sha256', '');
/** An error in words is short; whoever sends more is no S3 server. */
const LONGEST_COMPLAINT = 64 * 1024;

/** Opens a bucket: nothing is sent yet. The library that signs is loaded now, and only where a pipeline needs it. */
export async function openBucket({ place, secret, web, pauseMs = PAUSE_MS }: BucketOptions): Promise<Bucket> {
  const { AwsV4Signer } = await import('aws4fetch');
  const keysOfSigning = new Map<string, ArrayBuffer>();

  async function once(request: BucketRequest): Promise<IncomingMessage> {
    const { method, key, query = {}, headers = {}, body, signal, operation } = request;
    const url = addressOf(place, key, query);
    const { session_token: sessionToken } = secret;
    const signed = await new AwsV4Signer({
      ...{ method, url: url.href, service: 's3', region: place.region ?? 'us-east-1', cache: keysOfSigning },
      ...{ accessKeyId: secret.access_key_id, secretAccessKey: secret.secret_access_key },
      ...(sessionToken === undefined ? {} : { sessionToken }),
      // The server holds the body against it.
      headers: {
        ...headers,
        'x-amz-content-sha256': body === undefined ? NO_BYTES_SHA256 : hash('sha256', body),
      },
    }).sign();
    const response = await web.request(signed.url, {
      ...{ method, signal, headers: Object.fromEntries(signed.headers) },
      ...(body === undefined ? {} : { body }),
    });
    const { statusCode = 0 } = response;
    if (statusCode === 200) return response;
    response.setTimeout(web.silenceMs, () => response.destroy());
    throw s3ErrorOf(statusCode, await codeIn(response), operation);
  }

  return {
    async request(request) {
      for (let tries = 1; ; tries += 1) {
        try {
          return await once(request);
        } catch (error) {
          const told = asS3Error(error, request.operation);
          const isOver = !(told instanceof S3Error) || told.problem !== 'unavailable' || tries === TRIES;
          if (isOver) throw told;
          const wait = pauseMs * 2 ** (tries - 1) * (0.5 + Math.random());
          await pause(wait, undefined, { signal: request.signal });
        }
      }
    },
  };
}

function asS3Error(error: unknown, operation: string): unknown {
  if (!(error instanceof FetchError)) return error;
  const problem = error.problem === 'refused' ? 'refused' : 'unavailable';
  return new S3Error(problem, `${operation}: ${error.message}`, { cause: error });
}

/** What the server calls its refusal; null when it does not say. */
async function codeIn(response: IncomingMessage): Promise<string | null> {
  const length = Number(response.headers['content-length'] ?? 0);
  if (length > LONGEST_COMPLAINT) {
    response.destroy();
    return null;
  }
  try {
    return xmlTexts(await bounded(response), 'Error').root['Code'] ?? null;
  } catch {
    // Without words of its own its status says enough.
    return null;
  }
}

async function bounded(response: IncomingMessage): Promise<string> {
  let size = 0;
  response.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > LONGEST_COMPLAINT) response.destroy();
  });
  return await text(response);
}
