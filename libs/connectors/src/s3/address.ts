import { S3Error } from './s3-error.ts';

/** Which bucket, and where. */
export interface BucketPlace {
  /** Default: that of AWS in the region. */
  readonly endpoint?: string | undefined;
  /** Default: us-east-1. */
  readonly region?: string | undefined;
  readonly bucket: string;
  /** The bucket stands in the path. Default: true with an endpoint, else false. */
  readonly path_style?: boolean | undefined;
}

/**
 * The address of an object, or of the bucket where there is no key. @throws S3Error for a key that no address can name: its
 * parts `.` and `..` are taken for steps between folders on the way; and for one that no file can have.
 */
export function addressOf(
  place: BucketPlace,
  key: string | undefined,
  query: Readonly<Record<string, string>> = {},
): URL {
  const { endpoint, region = 'us-east-1', bucket, path_style: pathStyle = endpoint !== undefined } = place;
  if (key?.split('/').some((part) => part === '.' || part === '..'))
    throw new S3Error('unusable', 'its key holds "." or ".." and cannot be asked for');
  if (key !== undefined && (key.includes('\0') || !key.isWellFormed()))
    throw new S3Error('unusable', 'its key holds characters that no file name can');
  const url = new URL(endpoint ?? `https://s3.${region}.amazonaws.com`);
  const base = url.pathname.replace(/\/+$/, '');
  if (!pathStyle) url.hostname = `${bucket}.${url.hostname}`;
  const path = [...(pathStyle ? [bucket] : []), ...(key === undefined ? [] : [encoded(key)])].join('/');
  url.pathname = `${base}/${path}`;
  // Spaces as %20: a plus is signed as a plus.
  const pairs = Object.entries(query).map(([name, value]) => `${escaped(name)}=${escaped(value)}`);
  url.search = pairs.join('&');
  return url;
}

function encoded(key: string): string {
  return key.split('/').map(escaped).join('/');
}

function escaped(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
