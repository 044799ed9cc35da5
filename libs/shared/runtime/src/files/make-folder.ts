import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a folder and those above it that are missing; one that is there is left as it is. `mode` is given to each that is made
 * (default 0o777 less the umask). One by one, since Node's recursive form never returns where a parent cannot be made (`/proc/x/y`), and
 * answers ENOENT on a read-only file system. Throws the error of the file system.
 */
export function makeFolder(folder: string, mode?: number): void {
  if (existsSync(folder)) return;
  if (dirname(folder) !== folder) makeFolder(dirname(folder), mode);
  try {
    mkdirSync(folder, mode === undefined ? {} : { mode });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // Else another process was faster.
  }
}
