import { lstat, mkdir, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { FolderError } from './folder-error.ts';

/** The only folders that may be read and written; what lies below them may be too. */
export interface AllowedFolders {
  /** Where a folder really is. @throws FolderError `not_allowed`, `missing`, `unreadable` */
  find(path: string): Promise<string>;
  /** As `find`, but makes what is missing of it. @throws FolderError `not_allowed`, `unwritable` */
  make(path: string): Promise<string>;
  /** Whether this place, with all links followed, lies in an allowed folder. */
  holds(realPath: string): Promise<boolean>;
}

/** Nothing is allowed where the list is empty. A link that leads out of the folders counts as where it leads. */
export function allowedFolders(roots: readonly string[]): AllowedFolders {
  const named = roots.map((root) => resolve(root));

  async function holds(realPath: string): Promise<boolean> {
    const real = await Promise.all(named.map((root) => realpath(root).catch(() => null)));
    return real.some((root) => root !== null && isWithin(root, realPath));
  }
  /** Before the file system is asked anything: nobody shall find out what there is elsewhere. */
  function refuseForeign(path: string): void {
    if (named.length === 0)
      throw new FolderError('not_allowed', 'the general worker may use no folder: PIPELINE_FOLDERS is empty');
    if (!named.some((root) => isWithin(root, resolve(path)))) throw notAllowed(path);
  }
  async function refuseLeadingOut(path: string, real: string): Promise<string> {
    if (!(await holds(real))) throw notAllowed(path);
    return real;
  }

  return {
    holds,
    async find(path) {
      refuseForeign(path);
      const real = await realpath(path).catch((error: unknown) => {
        throw missing(path, error);
      });
      await refuseLeadingOut(path, real);
      const found = await lstat(real);
      if (!found.isDirectory()) throw new FolderError('missing', `${path} is no folder`);
      return real;
    },
    async make(path) {
      refuseForeign(path);
      const { real, rest } = await nearest(resolve(path));
      await refuseLeadingOut(path, real);
      if (!(await lstat(real)).isDirectory()) throw new FolderError('unwritable', `${path} is no folder`);
      return await makeBelow(real, rest);
    },
  };
}

/** Whether one place is another or lies below it. Both absolute and without `..`. */
export function isWithin(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/**
 * Makes the folders of a path below a real folder, one by one, and answers where the last one is. @throws FolderError
 * `unwritable` where one of them is a link or a file.
 */
export async function makeBelow(folder: string, names: readonly string[]): Promise<string> {
  let real = folder;
  for (const name of names) {
    real = join(real, name);
    await mkdir(real).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    const found = await lstat(real);
    if (!found.isDirectory())
      throw new FolderError('unwritable', `"${relative(folder, real)}" is there, and is no folder`);
  }
  return real;
}

/** The part of a path that is there, as it really is, and the names below it that are not. */
async function nearest(path: string): Promise<{ real: string; rest: string[] }> {
  const rest: string[] = [];
  for (let place = path; ; place = dirname(place)) {
    try {
      return { real: await realpath(place), rest };
    } catch (error) {
      const isLink = await lstat(place).then(
        () => true,
        () => false,
      );
      // A link to nowhere would be made into a folder elsewhere.
      if (isLink || (error as NodeJS.ErrnoException).code !== 'ENOENT' || place === dirname(place))
        throw new FolderError('unwritable', `the folder ${path} cannot be made`, { cause: error });
      rest.unshift(basename(place));
    }
  }
}

function notAllowed(path: string): FolderError {
  return new FolderError('not_allowed', `the folder ${path} is not below one of PIPELINE_FOLDERS`);
}

function missing(path: string, error: unknown): FolderError {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR'
    ? new FolderError('missing', `there is no folder ${path}`, { cause: error })
    : new FolderError('unreadable', `the folder ${path} cannot be read (${code})`, { cause: error });
}
