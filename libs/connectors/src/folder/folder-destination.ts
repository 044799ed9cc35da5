import { randomUUID } from 'node:crypto';
import { open, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { makeBelow, type AllowedFolders } from './allowed-folders.ts';
import { FolderError } from './folder-error.ts';

export interface FolderDestinationOptions {
  readonly folders: AllowedFolders;
  readonly path: string;
  /** Who writes: what an earlier attempt of the same left half written is removed. Letters, digits and `-`. */
  readonly owner: string;
}

/** A folder into which files are written. */
export interface FolderDestination {
  /** Where the folder really is. */
  readonly realPath: string;
  /**
   * Writes a file at a path below the folder, separated by `/`; one that is there is replaced. When it resolves the
   * file is durable and whole, and at no moment is it there in part. @throws FolderError `unwritable` for a path at which no
   * file can be; any other error is about the folder as a whole
   */
  write(path: string, text: string, signal: AbortSignal): Promise<void>;
  /** Removes what was needed for writing. */
  close(): Promise<void>;
}

/** Holds what is being written: out of sight, and on the same file system. */
const WORKPLACE = '.longshore';
/** About one path, not about the folder. */
const OF_THE_PATH = new Set(['ENAMETOOLONG', 'EISDIR', 'ENOTDIR', 'EEXIST', 'ENOTEMPTY', 'EINVAL', 'EILSEQ']);

/** Opens a folder to write into; it is made when it is missing. @throws FolderError when it is not allowed or cannot be made */
export async function openFolderDestination(options: FolderDestinationOptions): Promise<FolderDestination> {
  const { folders, path, owner } = options;
  const realPath = await folders.make(path);
  const workplace = await makeBelow(realPath, [WORKPLACE]);
  for (const name of await readdir(workplace))
    if (name.startsWith(`${owner}-`)) await rm(join(workplace, name), { force: true });

  return {
    realPath,
    async write(file, text, signal) {
      try {
        const folder = await makeBelow(realPath, foldersOf(file));
        // Another execution that writes here may have just left, and removed it.
        const temporary = join(await makeBelow(realPath, [WORKPLACE]), `${owner}-${randomUUID()}`);
        try {
          await writeDurably(temporary, text);
          signal.throwIfAborted();
          await rename(temporary, join(folder, nameOf(file)));
        } finally {
          await rm(temporary, { force: true });
        }
        await syncFolder(folder);
      } catch (error) {
        throw aboutThePath(error);
      }
    },
    async close() {
      await rmdir(workplace).catch((error: NodeJS.ErrnoException) => {
        // Another execution is at work there, or has just left.
        if (error.code !== 'ENOTEMPTY' && error.code !== 'ENOENT' && error.code !== 'EEXIST') throw error;
      });
    },
  };
}

function foldersOf(path: string): string[] {
  const names = path.split('/');
  if (names.some((name) => name === '' || name === '.' || name === '..' || name.includes('\0')))
    throw new FolderError('unwritable', 'no file can be written under its name');
  return names.slice(0, -1);
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

async function writeDurably(place: string, text: string): Promise<void> {
  const handle = await open(place, 'wx');
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The new name is durable only once its folder is. Where folders cannot be opened nothing more can be done. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EISDIR' || error.code === 'EPERM') return null;
    throw error;
  });
  try {
    await handle?.sync();
  } finally {
    await handle?.close();
  }
}

function aboutThePath(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof FolderError || code === undefined || !OF_THE_PATH.has(code)) return error;
  return new FolderError('unwritable', `no file can be written under its name (${code})`, { cause: error });
}
