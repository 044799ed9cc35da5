import { existsSync, globSync, readdirSync, statSync } from 'node:fs';
import { join, normalize, resolve } from 'node:path';
import { usageError } from '../cli-error.ts';

/**
 * The files that are meant: paths as they are, folders as all files below them, patterns such as `invoices/*.pdf` as what they
 * match; what begins with a dot only where it is named. Each once, in the order of their paths, without `except`.
 * @throws CliError that names what leads to no file
 */
export function filesToRun(given: readonly string[], except: string): string[] {
  const found = given.map((name) => ({ name, files: filesOf(name) }));
  const empty = found.filter(({ files }) => files.length === 0);
  if (empty.length > 0)
    throw usageError(`Nothing was sent: there is no file ${empty.map(({ name }) => name).join(', ')}.`);
  const files = new Set(found.flatMap((one) => one.files.map((file) => normalize(file))));
  return [...files].filter((file) => resolve(file) !== resolve(except)).toSorted();
}

function filesOf(name: string): string[] {
  if (existsSync(name)) return isFolder(name) ? filesBelow(name) : [name];
  if (!/[*?[{]/.test(name)) return [];
  return globSync(name).filter(isFile);
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.name.startsWith('.')) return [];
    if (entry.isDirectory()) return filesBelow(path);
    return isFile(path) ? [path] : [];
  });
}

/** A link to one too; neither a pipe, which would be waited for, nor a link in a circle. */
function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
