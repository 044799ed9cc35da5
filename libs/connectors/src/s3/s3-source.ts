import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { pathGlob } from '../glob/path-glob.ts';
import { bodyOf } from '../https/body.ts';
import { openBucket, type Bucket, type BucketOptions } from './bucket.ts';
import { S3Error } from './s3-error.ts';
import { xmlTexts, type Texts } from './xml-texts.ts';

export interface S3SourceOptions extends BucketOptions {
  /** Before the path of each file. Default: nothing. */
  readonly prefix?: string | undefined;
  /** Of the key behind the prefix, upper and lower case alike. */
  readonly glob: string;
}

/** An object as it was listed. */
export interface S3File {
  /** Its key behind the prefix. */
  readonly path: string;
  /** The same again means the same content: it is a new one whenever the object is written. */
  readonly mark: string;
  /** Its bytes, as long as it is what was listed. @throws S3Error, FetchError */
  read(options: { signal: AbortSignal; maxBytes: number }): AsyncGenerator<Buffer>;
}

export interface S3Source {
  /**
   * All objects that fit, in the order of their paths, read page by page. Keys that end with `/` and hidden names are left out. @throws
   * S3Error when any page of it cannot be read, or there are more than `most`
   */
  list(most: number, signal: AbortSignal): Promise<S3File[]>;
}

/** Far more than a full page of the longest keys. */
const LONGEST_PAGE_BYTES = 16 * 1024 * 1024;

/** Opens the objects below a prefix of a bucket to be read. */
export async function openS3Source(options: S3SourceOptions): Promise<S3Source> {
  const { place, web, prefix = '' } = options;
  const bucket = await openBucket(options);
  const fitsGlob = pathGlob(options.glob);

  function fileOf({ Key: key = '', ETag: etag = '', Size: size = '', LastModified: at = '' }: Texts) {
    // What no file can be called is listed nevertheless: it fails when it is read.
    const path = key.slice(prefix.length).toWellFormed().replaceAll('\0', '\uFFFD');
    const isHidden = path.split('/').some((part) => part.startsWith('.'));
    const fits = path !== '' && !path.endsWith('/') && !isHidden && fitsGlob(path);
    if (!key.startsWith(prefix) || !fits) return [];
    const state = JSON.stringify(['s3', place.endpoint ?? '', place.bucket, key, etag, size, at]);
    return [
      {
        path,
        mark: hash('sha256', state),
        read: (given: ReadOptions) => readObject(bucket, web, { key, etag, ...given }),
      },
    ];
  }

  return {
    async list(most, signal) {
      const found = new Map<string, S3File>();
      for await (const page of pagesOf(bucket, { prefix, silenceMs: web.silenceMs, signal })) {
        for (const file of page.flatMap(fileOf)) found.set(file.path, file);
        if (found.size > most)
          throw new S3Error(
            'too_many',
            `the bucket ${place.bucket} holds more than ${most} objects that fit`,
          );
      }
      return [...found.values()].sort((one, other) => (one.path < other.path ? -1 : 1));
    },
  };
}

interface Listing {
  readonly prefix: string;
  readonly silenceMs: number;
  readonly signal: AbortSignal;
}

async function* pagesOf(bucket: Bucket, { prefix, silenceMs, signal }: Listing): AsyncGenerator<Texts[]> {
  const operation = 'the bucket cannot be listed';
  for (let token: string | undefined, before: string | undefined; ; before = token) {
    const query = {
      ...{ 'list-type': '2', 'max-keys': '1000', 'encoding-type': 'url', prefix },
      ...(token === undefined ? {} : { 'continuation-token': token }),
    };
    const response = await bucket.request({ method: 'GET', query, signal, operation });
    const { root, items } = await pageIn(response, operation, silenceMs);
    yield root['EncodingType'] === 'url' ? items.map((item) => decoded(item, operation)) : items;
    if (root['IsTruncated'] !== 'true') return;
    token = root['NextContinuationToken'];
    // Else it would go on for ever, or end early without anybody knowing.
    if (token === undefined || token === before)
      throw new S3Error('refused', `${operation}: the server does not say where it goes on`);
  }
}

async function pageIn(response: IncomingMessage, operation: string, silenceMs: number) {
  response.setTimeout(silenceMs, () => response.destroy());
  let size = 0;
  response.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > LONGEST_PAGE_BYTES) response.destroy();
  });
  try {
    const page = xmlTexts(await text(response), 'Contents');
    if (page.root['IsTruncated'] !== undefined) return page;
  } catch (error) {
    const isXml = error instanceof Error && /^\d+:\d+: /.test(error.message);
    if (!isXml) throw new S3Error('unavailable', `${operation}: the answer broke off`, { cause: error });
  }
  throw new S3Error('refused', `${operation}: what the server answers is no listing`);
}

/** Keys come as in a form, for XML cannot hold all of their characters. */
function decoded(item: Texts, operation: string): Texts {
  try {
    return { ...item, Key: decodeURIComponent((item['Key'] ?? '').replaceAll('+', ' ')) };
  } catch (error) {
    throw new S3Error('refused', `${operation}: the server lists a key that cannot be decoded`, {
      cause: error,
    });
  }
}

interface ReadOptions {
  readonly signal: AbortSignal;
  readonly maxBytes: number;
}

async function* readObject(
  bucket: Bucket,
  { silenceMs }: S3SourceOptions['web'],
  { key, etag, signal, maxBytes }: ReadOptions & { key: string; etag: string },
): AsyncGenerator<Buffer> {
  const response = await bucket.request({
    ...{ method: 'GET', key, signal, operation: 'it cannot be read' },
    headers: etag === '' ? {} : { 'If-Match': etag },
  });
  // Not every server looks at the condition.
  if (bare(etag) !== bare(response.headers.etag ?? '')) {
    response.destroy();
    throw new S3Error('changed', 'it was changed after it was listed');
  }
  yield* bodyOf(response, { signal, silenceMs, maxBytes });
}

/** Servers do not agree with themselves about the quotes. */
function bare(etag: string): string {
  return etag.replace(/^W\//, '').replaceAll('"', '');
}
