import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, opendir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Readable } from 'node:stream';
import { makeFolder as makeWholeFolder } from '@longshore/runtime';

/** A part of a stored object: the files of one request lie one after the other in one object. */
export interface Slice {
  readonly object: string;
  readonly offset: number;
  readonly size: number;
}

/** Bytes on disk under object names such as `uploads/<execution id>`; nothing else in the backend touches the folder. */
export interface FileStore {
  /** Starts an object under a temporary name of its own; it becomes visible with {@link PendingObject.commit}. */
  begin(object: string): Promise<PendingObject>;
  /** Small slices at once; null for one whose object is gone. */
  readSlices(slices: readonly Slice[]): Promise<(Buffer | null)[]>;
  stream(slice: Slice): Readable;
  remove(object: string): Promise<void>;
  /** Objects and temporary files last written before `before`, to be checked against the database. */
  olderThan(before: Date): AsyncIterable<{ object: string; temporary: boolean }>;
}

/** An object that is being written. Ends with `commit` or `discard`; what was committed may still be discarded. */
export interface PendingObject {
  append(chunk: Uint8Array): Promise<void>;
  /** Bytes appended so far. */
  readonly size: number;
  /** Gives the object its name and makes it durable under it. */
  commit(): Promise<void>;
  /** Removes the bytes, committed or not. */
  discard(): Promise<void>;
}

/** Appends are gathered up to this many bytes, so that many small files cost one write. */
const BUFFER_BYTES = 256 * 1024;
const TEMPORARY = 'tmp';

/** Opens the store in a folder, which is made when it is missing. */
export async function openFileStore(folder: string): Promise<FileStore> {
  makeWholeFolder(join(folder, TEMPORARY), 0o700);
  const made = new Set<string>();
  const path = (object: string) => join(folder, objectName(object));

  async function makeFolder(object: string): Promise<void> {
    const parent = dirname(path(object));
    if (made.has(parent)) return;
    await mkdir(parent, { recursive: true, mode: 0o700 });
    made.add(parent);
  }

  return {
    async begin(object) {
      await makeFolder(object);
      // A repeated request for the same object must not write into the file of the first.
      const temporary = join(folder, TEMPORARY, `${object.replaceAll('/', '_')}-${randomUUID()}`);
      return pendingObject(await open(temporary, 'wx', 0o600), temporary, path(object));
    },
    readSlices: (slices) => readGrouped(slices, path),
    stream: ({ object, offset, size }) =>
      createReadStream(path(object), { start: offset, end: Math.max(offset, offset + size - 1) }),
    remove: (object) => rm(path(object), { force: true }),
    olderThan: (before) => listOlderThan(folder, before),
  };
}

/** References come from workers: none may lead out of its folder. @throws for anything but `<folder>/<name>`. */
function objectName(object: string): string {
  if (!/^[a-z]+\/\w[\w.-]*$/.test(object)) throw new Error(`"${object}" is no name of a stored object`);
  return object;
}

function pendingObject(handle: FileHandle, temporary: string, final: string): PendingObject {
  let gathered: Uint8Array[] = [];
  let gatheredBytes = 0;
  let size = 0;
  let name = temporary;

  async function flush(): Promise<void> {
    const bytes = Buffer.concat(gathered);
    gathered = [];
    gatheredBytes = 0;
    await handle.appendFile(bytes);
  }

  return {
    get size() {
      return size;
    },
    async append(chunk) {
      gathered.push(chunk);
      gatheredBytes += chunk.length;
      size += chunk.length;
      if (gatheredBytes >= BUFFER_BYTES) await flush();
    },
    async commit() {
      await flush();
      await rename(temporary, final);
      name = final;
      // After the rename, so that one sync makes the bytes and their name durable.
      await handle.sync();
      await handle.close();
    },
    async discard() {
      await handle.close();
      await rm(name, { force: true });
    },
  };
}

async function readGrouped(
  slices: readonly Slice[],
  path: (object: string) => string,
): Promise<(Buffer | null)[]> {
  const handles = new Map<string, Promise<FileHandle | null>>();
  const handleOf = (object: string) => {
    const known =
      handles.get(object) ?? open(path(object), 'r').catch((error: unknown) => nullWhenMissing(error));
    handles.set(object, known);
    return known;
  };
  try {
    return await Promise.all(
      slices.map(async ({ object, offset, size }) => {
        const handle = await handleOf(object);
        if (handle === null) return null;
        const bytes = Buffer.allocUnsafe(size);
        const { bytesRead } = await handle.read(bytes, 0, size, offset);
        return bytesRead === size ? bytes : null;
      }),
    );
  } finally {
    for (const handle of await Promise.allSettled(handles.values())) {
      if (handle.status === 'fulfilled') await handle.value?.close();
    }
  }
}

function nullWhenMissing(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
  throw error;
}

async function* listOlderThan(
  folder: string,
  before: Date,
): AsyncIterable<{ object: string; temporary: boolean }> {
  for await (const entry of await opendir(folder, { recursive: true })) {
    if (!entry.isFile()) continue;
    const full = join(entry.parentPath, entry.name);
    const found = await stat(full).catch((error: unknown) => nullWhenMissing(error));
    if (found === null || found.mtime >= before) continue;
    const object = relative(folder, full);
    yield { object, temporary: object.startsWith(`${TEMPORARY}/`) };
  }
}
