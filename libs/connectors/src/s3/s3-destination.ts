import { hash } from 'node:crypto';
import { readAway } from '../https/read-away.ts';
import { openBucket, type BucketOptions } from './bucket.ts';
import { S3Error } from './s3-error.ts';

export interface S3DestinationOptions extends BucketOptions {
  /** Before the path of each object. Default: nothing. */
  readonly prefix?: string | undefined;
}

/** A bucket into which objects are written. */
export interface S3Destination {
  /**
   * Writes an object; one of the same key is replaced, so writing again makes no second one. Two checksums go along, which the
   * server holds what it got against. @throws S3Error
   */
  write(path: string, text: string, signal: AbortSignal): Promise<void>;
}

/** What S3 allows, in bytes. */
const LONGEST_KEY_BYTES = 1024;

/** Opens a place in a bucket to write to: nothing is sent yet. */
export async function openS3Destination({
  prefix = '',
  ...options
}: S3DestinationOptions): Promise<S3Destination> {
  const bucket = await openBucket(options);
  return {
    async write(path, content, signal) {
      const key = `${prefix}${path}`;
      if (Buffer.byteLength(key) > LONGEST_KEY_BYTES)
        throw new S3Error('unusable', `its key would be longer than ${LONGEST_KEY_BYTES} bytes`);
      const body = Buffer.from(content);
      const headers = {
        'Content-Type': 'application/json',
        'Content-MD5': hash('md5', body, 'base64'),
      };
      const response = await bucket.request({
        ...{ method: 'PUT', key, headers, body, signal, operation: 'it cannot be written' },
      });
      await readAway(response);
    },
  };
}
