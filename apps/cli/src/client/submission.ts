import { existsSync, globSync } from 'node:fs';
import { access, constants, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { usageError } from '../cli-error.ts';

/** So many files go into one request. */
const MOST_FILES = 32;

/**
 * The files that are meant: paths as they are, patterns such as `inbox/*.pdf` as what they match. Each once, in this order.
 * @throws CliError that names everything that cannot be sent, before anything was; `consequence` is what it means
 */
export async function filesNamed(
  given: readonly string[],
  { most = MOST_FILES, consequence = 'Nothing was sent' }: { most?: number; consequence?: string } = {},
): Promise<string[]> {
  const found = given.map((name) => ({
    name,
    files: existsSync(name) || !isPattern(name) ? [name] : matches(name),
  }));
  const files = [...new Set(found.flatMap((one) => one.files))];
  const problems = [
    ...found.flatMap(({ name, files }) => (files.length === 0 ? [`no file matches ${name}`] : [])),
    ...(await Promise.all(files.map(problemWith))).filter((problem) => problem !== undefined),
  ];
  if (problems.length > 0) throw usageError(`${consequence}: ${problems.join('; ')}.`);
  if (files.length > most)
    throw usageError(`${consequence}: these are ${files.length} files, and a request takes up to ${most}.`);
  return files;
}

function isPattern(name: string): boolean {
  return /[*?[{]/.test(name);
}

function matches(pattern: string): string[] {
  return globSync(pattern, { withFileTypes: true })
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}

async function problemWith(path: string): Promise<string | undefined> {
  try {
    if (!(await stat(path)).isFile())
      return `${path} is no file: name the files in it, as in ${join(path, '*.pdf')}`;
    await access(path, constants.R_OK);
    return undefined;
  } catch (error) {
    const isAbsent = (error as NodeJS.ErrnoException).code === 'ENOENT';
    return isAbsent ? `there is no file ${path}` : `this user may not read ${path}`;
  }
}
