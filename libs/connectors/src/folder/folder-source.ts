import { hash } from 'node:crypto';
import { constants, open, opendir, realpath, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { pathGlob } from '../glob/path-glob.ts';
import type { AllowedFolders } from './allowed-folders.ts';
import { asReadError, FolderError } from './folder-error.ts';

export interface FolderSourceOptions {
  readonly folders: AllowedFolders;
  readonly path: string;
  /** Of the path below the folder, upper and lower case alike. */
  readonly glob: string;
  readonly recursive: boolean;
  /** The clock by which files are old enough to be known by their times, ms since 1970. Default: that of this machine. */
  readonly now?: () => number;
}

export interface ReadOptions {
  readonly signal: AbortSignal;
  /** A larger file is refused. */
  readonly maxBytes: number;
}

/** A file as it was listed. */
export interface FolderFile {
  /** Below the folder, separated by `/`. */
  readonly path: string;
  /**
   * The same again means that nobody wrote to the file in between. Null where that cannot be said: it cannot be looked at, or was
   * written just now, and might be written again within the same tick of its file system's clock.
   */
  readonly mark: string | null;
}

/** The files of a folder. */
export interface FolderSource {
  /** Where the folder really is. */
  readonly realPath: string;
  /**
   * All files that fit, in the order of their paths. Hidden files and folders are left out, and
   * folders behind links are not entered. @throws FolderError when any part of it cannot be listed, or there are more than `most`
   */
  list(most: number, signal: AbortSignal): Promise<FolderFile[]>;
  /**
   * The bytes of a file. @throws FolderError while it is read: also where it is a link out of the allowed folders, no
   * regular file, or was changed meanwhile
   */
  read(path: string, options: ReadOptions): AsyncGenerator<Buffer>;
}

/** Opens a folder to read from. @throws FolderError when it is not allowed or not there */
export async function openFolderSource(options: FolderSourceOptions): Promise<FolderSource> {
  const { folders, path, recursive, now = Date.now } = options;
  const realPath = await folders.find(path);
  const fits = pathGlob(options.glob);
  return {
    realPath,
    async list(most, signal) {
      const found: string[] = [];
      for await (const file of walk(realPath, '', recursive)) {
        signal.throwIfAborted();
        if (!fits(file)) continue;
        if (found.push(file) > most)
          throw new FolderError('too_many', `the folder ${path} holds more than ${most} files that fit`);
      }
      return await marked(realPath, found.sort(), now);
    },
    read: (file, given) => readChecked(join(realPath, file), folders, given),
  };
}

/** File systems know the time of a write to two seconds at worst. */
const TICK_MS = 2_000;
const LOOKED_AT_ONCE = 32;

async function marked(folder: string, paths: readonly string[], now: () => number): Promise<FolderFile[]> {
  const files: FolderFile[] = [];
  for (let at = 0; at < paths.length; at += LOOKED_AT_ONCE) {
    const some = paths.slice(at, at + LOOKED_AT_ONCE);
    files.push(
      ...(await Promise.all(
        some.map(async (path) => ({ path, mark: await markOf(join(folder, path), now) })),
      )),
    );
  }
  return files;
}

/** The time of the last change of any kind is among it: nobody can set that back, as they can the time of the last write. */
async function markOf(place: string, now: () => number): Promise<string | null> {
  try {
    const found = await stat(place, { bigint: true });
    const { dev, ino, size, mtimeNs, ctimeNs } = found;
    const latestMs = Number((mtimeNs > ctimeNs ? mtimeNs : ctimeNs) / 1_000_000n);
    if (!found.isFile() || latestMs > now() - TICK_MS) return null;
    return hash('sha256', ['folder', dev, ino, size, mtimeNs, ctimeNs].join(' '));
  } catch {
    // Reading it will tell why.
    return null;
  }
}

async function* walk(folder: string, below: string, recursive: boolean): AsyncGenerator<string> {
  const subfolders: string[] = [];
  try {
    for await (const entry of await opendir(join(folder, below))) {
      if (entry.name.startsWith('.')) continue;
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) subfolders.push(path);
      else yield path;
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const what = below === '' ? 'the folder' : `the folder "${below}" in it`;
    throw new FolderError('unreadable', `${what} cannot be listed (${code})`, { cause: error });
  }
  if (recursive) for (const path of subfolders) yield* walk(folder, path, recursive);
}

async function* readChecked(
  place: string,
  folders: AllowedFolders,
  { signal, maxBytes }: ReadOptions,
): AsyncGenerator<Buffer> {
  let handle: FileHandle | undefined;
  try {
    // Whoever opens a pipe without this waits for its writer.
    handle = await open(place, constants.O_RDONLY | constants.O_NONBLOCK);
    const before = await handle.stat({ bigint: true });
    if (!before.isFile()) throw new FolderError('unreadable', 'it is no file, or a link to a folder');
    await refuseOutside(place, folders, before);
    if (before.size > BigInt(maxBytes))
      throw new FolderError('too_large', `it is larger than ${maxBytes} bytes`);
    let size = 0n;
    for await (const chunk of handle.createReadStream({
      autoClose: false,
      signal,
    }) as AsyncIterable<Buffer>) {
      size += BigInt(chunk.length);
      yield chunk;
    }
    const after = await handle.stat({ bigint: true });
    if (size !== before.size || after.mtimeNs !== before.mtimeNs)
      throw new FolderError('changed', 'it was changed while it was read');
  } catch (error) {
    throw asReadError(error);
  } finally {
    await handle?.close();
  }
}

/** What was opened must be what lies at an allowed place: a link may have been turned since it was looked at. */
async function refuseOutside(place: string, folders: AllowedFolders, opened: { dev: bigint; ino: bigint }) {
  const real = await realpath(place);
  const there = await stat(real, { bigint: true });
  const isSame = there.dev === opened.dev && there.ino === opened.ino;
  if (!isSame || !(await folders.holds(real)))
    throw new FolderError('not_allowed', 'it is a link that leads out of the allowed folders');
}
