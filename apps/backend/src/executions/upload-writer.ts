import { createHash } from 'node:crypto';
import { uuidV7 } from '@longshore/runtime';
import type { FileStore, PendingObject } from '../files/file-store.ts';

/** One received file: a slice of the request's object. */
export interface ReceivedFile {
  readonly id: string;
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  readonly offset: number;
}

/** The files of a request. Their bytes lie under a temporary name until `object` is committed. */
export interface ReceivedUpload {
  readonly files: readonly ReceivedFile[];
  readonly objectName: string;
  /** Null when no file came. */
  readonly object: PendingObject | null;
}

/**
 * Writes the files of one request into one object of the file store: they lie there one after the other, so that
 * twenty small files cost one file on disk.
 */
export interface UploadWriter {
  /** Takes one file to its end; one at a time. Rejects with what the chunks reject with. */
  write(name: string, chunks: AsyncIterable<Buffer>): Promise<void>;
  /** Bytes of all files so far. */
  readonly size: number;
  /** What was written so far. */
  received(): ReceivedUpload;
  /** Removes what was written. */
  discard(): Promise<void>;
}

export function createUploadWriter(store: FileStore, objectName: string): UploadWriter {
  const files: ReceivedFile[] = [];
  let object: PendingObject | null = null;

  return {
    get size() {
      return object?.size ?? 0;
    },
    async write(name, chunks) {
      object ??= await store.begin(objectName);
      const offset = object.size;
      const hash = createHash('sha256');
      for await (const chunk of chunks) {
        hash.update(chunk);
        await object.append(chunk);
      }
      files.push({ id: uuidV7(), name, size: object.size - offset, sha256: hash.digest('hex'), offset });
    },
    received: () => ({ files, objectName, object }),
    async discard() {
      await object?.discard();
    },
  };
}
