import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { apiError } from '@longshore/contracts';
import { uuidV7 } from '@longshore/runtime';
import type { Request } from 'express';
import type { FileStore, PendingObject } from '../files/file-store.ts';
import { readMultipart } from './multipart.ts';
import { requestTooLarge, type UploadLimits } from './upload-limits.ts';

/** One received file: a slice of the request's object. */
export interface ReceivedFile {
  readonly id: string;
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  readonly offset: number;
}

/** A request that was read to its end. Its bytes lie under a temporary name until `object` is committed. */
export interface ReceivedUpload {
  readonly form: Readonly<Record<string, string>>;
  readonly files: readonly ReceivedFile[];
  readonly objectName: string;
  /** Null when no file came. */
  readonly object: PendingObject | null;
}

/** A client that sends nothing for this long in the middle of a request is taken for gone. */
const STALLED_MS = 60_000;

/**
 * Streams a multipart request into one object of the file store: all its files lie there one after the other, so
 * that twenty small files cost one file on disk. Nothing is kept when it throws; the rest of the request is then
 * left unread.
 *
 * @throws ApiError 413 for a file or request that is too large, 400 for too many files or a malformed body, 415
 * for anything that is not multipart/form-data.
 */
export async function receiveUpload(
  request: Request,
  store: FileStore,
  objectName: string,
  limits: UploadLimits,
): Promise<ReceivedUpload> {
  refuseByHeaders(request, limits);
  const writer = createUploadWriter(store, objectName);
  request.setTimeout(STALLED_MS);
  try {
    const form = await readMultipart(request, limits, writer.write);
    return { form, files: writer.files, objectName, object: writer.object() };
  } catch (error) {
    await writer.object()?.discard();
    throw error;
  } finally {
    request.setTimeout(0);
  }
}

function refuseByHeaders(request: Request, { maxRequestBytes }: UploadLimits): void {
  if (!/^multipart\/form-data\b/i.test(request.headers['content-type'] ?? '')) {
    throw apiError('unsupported_media_type', 'Send multipart/form-data with a field "files"');
  }
  if (Number(request.headers['content-length'] ?? 0) > maxRequestBytes)
    throw requestTooLarge(maxRequestBytes);
}

function createUploadWriter(store: FileStore, objectName: string) {
  const files: ReceivedFile[] = [];
  let object: PendingObject | null = null;

  return {
    files,
    object: () => object,
    async write(name: string, stream: Readable): Promise<void> {
      object ??= await store.begin(objectName);
      const offset = object.size;
      const hash = createHash('sha256');
      // Left undestroyed on failure: its owner reads it to the end, or the parser would wait for ever.
      for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        hash.update(chunk);
        await object.append(chunk);
      }
      const file = { id: uuidV7(), name, size: object.size - offset, sha256: hash.digest('hex'), offset };
      files.push(file);
    },
  };
}
