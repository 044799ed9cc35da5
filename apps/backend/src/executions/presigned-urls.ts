import { apiError, type ApiError } from '@longshore/contracts';
import { FetchError, type HttpSource, type OpenedFile } from '@longshore/connectors';
import { cleanedName } from './file-names.ts';
import { requestTooLarge, type UploadLimits } from './upload-limits.ts';
import type { UploadWriter } from './upload-writer.ts';

const FIELD = 'presigned_urls';
/** Of one request at the same time: each holds a connection and up to 1 MiB of what it read ahead. */
const AT_ONCE = 4;
const LONGEST_SHOWN = 120;

export interface FetchFilesOptions {
  readonly source: HttpSource;
  readonly writer: UploadWriter;
  readonly limits: UploadLimits;
  /** For all of them together, ms. */
  readonly timeoutMs: number;
  /** Fires when nobody waits for the answer any more; its reason is what is thrown. */
  readonly gone: AbortSignal;
}

/**
 * Refuses addresses from which nothing would be fetched, before anything is. @throws ApiError 400, 413.
 */
export function checkUrls(source: HttpSource, urls: readonly string[]): void {
  for (const url of urls) {
    try {
      source.check(url);
    } catch (error) {
      throw fetchFailure(error, url);
    }
  }
}

/**
 * Fetches files into the request's object, in their order: several begin at once, so that the silence before each
 * answer is waited for together; the bytes are taken one file after the other.
 *
 * @throws ApiError 413 too large, 502 no connection, 504 too slow, else 400. No message holds the query of an
 * address: it is a signature.
 */
export async function fetchFiles(urls: readonly string[], options: FetchFilesOptions): Promise<void> {
  const { source, limits, timeoutMs, gone } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([gone, stop.signal, AbortSignal.timeout(timeoutMs)]);
  const opening: Promise<OpenedFile>[] = [];
  const openUpTo = (count: number) => {
    for (const url of urls.slice(opening.length, count)) {
      const opened = source.open(url, { signal, maxBytes: limits.maxFileBytes });
      // Each is awaited in its turn; until then its failure must not end the process.
      opened.catch(() => undefined);
      opening.push(opened);
    }
  };
  try {
    for (const [index, url] of urls.entries()) {
      openUpTo(index + AT_ONCE);
      await takeIn(opening[index]!, index, options).catch((error: unknown) => {
        throw fetchFailure(error, url);
      });
    }
  } finally {
    stop.abort();
  }
}

async function takeIn(
  opening: Promise<OpenedFile>,
  index: number,
  options: FetchFilesOptions,
): Promise<void> {
  const { writer, limits } = options;
  const { name, body } = await opening;
  const known = cleanedName(name ?? '');
  await writer.write(known === '' ? `file-${index + 1}` : known, withinRequest(body, writer.size, limits));
}

/** What was fetched counts as a part of the request. */
async function* withinRequest(
  body: AsyncIterable<Buffer>,
  before: number,
  { maxRequestBytes }: UploadLimits,
): AsyncGenerator<Buffer> {
  let total = before;
  for await (const chunk of body) {
    total += chunk.length;
    if (total > maxRequestBytes) throw requestTooLarge(maxRequestBytes, FIELD);
    yield chunk;
  }
}

const codes = {
  refused: 'invalid',
  too_large: 'too_large',
  connection: 'fetch_failed',
  timeout: 'fetch_timeout',
} as const;

function fetchFailure(error: unknown, url: string): unknown {
  if (!(error instanceof FetchError)) return error;
  return withAddress(error, url);
}

function withAddress({ problem, message }: FetchError, url: string): ApiError {
  return apiError(codes[problem], `"${shownAddress(url)}" was not fetched: ${message}`, FIELD);
}

/** An address as far as it is no secret: neither a user name nor the query, in which signatures stand. */
function shownAddress(url: string): string {
  const parsed = URL.parse(url);
  const shown =
    parsed === null || parsed.host === ''
      ? url.split(/[?#@]/)[0]!
      : `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
  return cleanedName(shown.slice(0, LONGEST_SHOWN));
}
