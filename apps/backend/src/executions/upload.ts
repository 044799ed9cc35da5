import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { ApiError, apiError } from '@longshore/contracts';
import { uuidV7 } from '@longshore/runtime';
import busboy from 'busboy';
import type { Request } from 'express';
import type { FileStore, PendingObject } from '../files/file-store.ts';

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

export interface UploadLimits {
  readonly maxFileBytes: number;
  readonly maxRequestBytes: number;
  readonly maxFiles: number;
}

const MAX_FIELDS = 50;
const MAX_FIELD_BYTES = 1024 * 1024;

/**
 * Streams a multipart request into one object of the file store: all its files lie there one after the other, so
 * that twenty small files cost one file on disk. Nothing is kept when it throws.
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
  try {
    const form = await parseMultipart(request, limits, (name, stream) => writer.write(name, stream));
    return { form, files: writer.files, objectName, object: writer.object() };
  } catch (error) {
    await writer.object()?.discard();
    throw error instanceof ApiError
      ? error
      : apiError('malformed_request', `The form could not be read: ${(error as Error).message}`);
  }
}

function refuseByHeaders(request: Request, limits: UploadLimits): void {
  if (!/^multipart\/form-data\b/i.test(request.headers['content-type'] ?? '')) {
    throw apiError('unsupported_media_type', 'Send multipart/form-data with a field "files"');
  }
  if (Number(request.headers['content-length'] ?? 0) > limits.maxRequestBytes) throw requestTooLarge(limits);
}

function requestTooLarge(limits: UploadLimits): ApiError {
  return apiError('too_large', `The request is larger than ${limits.maxRequestBytes} bytes`, 'files');
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
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        hash.update(chunk);
        await object.append(chunk);
      }
      const file = { id: uuidV7(), name, size: object.size - offset, sha256: hash.digest('hex'), offset };
      files.push(file);
    },
  };
}

type WriteFile = (name: string, stream: Readable) => Promise<void>;

/** Resolves with the form fields once every file was written; files are written in the order of the request. */
function parseMultipart(
  request: Request,
  limits: UploadLimits,
  write: WriteFile,
): Promise<Record<string, string>> {
  return new Promise((resolve, reject) => {
    const form: Record<string, string> = {};
    let written = Promise.resolve();
    let received = 0;
    const parser = createParser(request, limits);
    const fail = (error: unknown) => {
      request.off('data', countBytes);
      request.unpipe(parser);
      parser.destroy();
      void written.catch(() => undefined).finally(() => reject(error));
    };
    const countBytes = (chunk: Buffer) => {
      received += chunk.length;
      if (received > limits.maxRequestBytes) fail(requestTooLarge(limits));
    };
    parser.on('file', (field, stream, { filename }) => {
      stream.on('limit', () =>
        fail(
          apiError('too_large', `"${shown(filename)}" is larger than ${limits.maxFileBytes} bytes`, 'files'),
        ),
      );
      const earlier = written;
      written = earlier.then(() => write(cleanName(field, filename), stream));
      written.catch(fail);
    });
    parser.on('field', (name, value, { valueTruncated }) => {
      if (valueTruncated)
        fail(apiError('too_large', `The field is larger than ${MAX_FIELD_BYTES} bytes`, name));
      else if (Object.hasOwn(form, name)) fail(apiError('invalid', 'The field is given twice', name));
      else form[name] = value;
    });
    parser.on('filesLimit', () =>
      fail(apiError('invalid', `At most ${limits.maxFiles} files a request`, 'files')),
    );
    parser.on('fieldsLimit', () =>
      fail(apiError('malformed_request', `At most ${MAX_FIELDS} fields a request`)),
    );
    parser.on('error', fail);
    parser.on('close', () => void written.then(() => resolve(form), reject));
    request.on('data', countBytes);
    request.on('aborted', () =>
      fail(apiError('malformed_request', 'The client went away in the middle of the request')),
    );
    request.pipe(parser);
  });
}

function createParser(request: Request, limits: UploadLimits): busboy.Busboy {
  try {
    return busboy({
      headers: request.headers,
      defParamCharset: 'utf8',
      limits: {
        files: limits.maxFiles,
        fileSize: limits.maxFileBytes,
        fields: MAX_FIELDS,
        fieldSize: MAX_FIELD_BYTES,
        fieldNameSize: 200,
      },
    });
  } catch (error) {
    throw apiError('malformed_request', `The form could not be read: ${(error as Error).message}`);
  }
}

const MAX_NAME_CHARACTERS = 255;

/** A file's name without control characters, which no log and no table should carry; other fields may hold no file. */
function cleanName(field: string, filename: string | undefined): string {
  if (field !== 'files') throw apiError('invalid', 'Files belong into the field "files"', field);
  const name = (filename ?? '')
    .replaceAll(/\p{Cc}/gu, '')
    .toWellFormed()
    .trim();
  if (name === '') throw apiError('invalid', 'A file without a name', 'files');
  return [...name].slice(0, MAX_NAME_CHARACTERS).join('');
}

function shown(filename: string | undefined): string {
  return (filename ?? 'a file').slice(0, 80);
}
