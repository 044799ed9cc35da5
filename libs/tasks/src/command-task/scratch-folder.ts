import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join, normalize, sep } from 'node:path';
import type { TaskContext } from '../definition/task-context.ts';
import { TaskError } from '../definition/task-error.ts';
import { ownFamily } from '../isolation/process-family.ts';
import { makeScratch, removeScratch } from '../isolation/scratch.ts';

/** The folder of one run, for this user alone. */
export interface ScratchFolder {
  /** The files that the run works on. */
  readonly files: string;
  /** The path of the file of the run; undefined when it has none. */
  readonly file: string | undefined;
  /** For what it writes on its way. */
  readonly temporary: string;
  /** Never rejects. */
  remove(): Promise<void>;
}

/** Files to begin with, by their paths in the folder of files. */
export type GivenFiles = Readonly<Record<string, string | Uint8Array>>;

/**
 * Makes the folder of a run. Should this process be ended by force, it goes with all that the process leaves.
 * @throws {TaskError} for a path that would leave the folder
 */
export async function createScratchFolder(
  file: TaskContext['file'],
  given: GivenFiles = {},
): Promise<ScratchFolder> {
  const family = ownFamily();
  const parent = family === undefined ? tmpdir() : await makeScratch(family.mark);
  const folder = await mkdtemp(join(parent, 'run-'));
  const made = { files: join(folder, 'files'), temporary: join(folder, 'tmp') };
  const remove = () => removeScratch(folder);
  try {
    await mkdir(made.files);
    await mkdir(made.temporary);
    for (const [path, content] of Object.entries(given)) await place(made.files, path, content);
    if (file === null) return { ...made, file: undefined, remove };
    const path = join(made.files, fileNameOf(file.name));
    await writeFile(path, await file.bytes());
    return { ...made, file: path, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function place(folder: string, path: string, content: string | Uint8Array): Promise<void> {
  const whole = normalize(join(folder, path));
  if (isAbsolute(path) || path.includes('\0') || !whole.startsWith(folder + sep)) {
    throw new TaskError(
      'bad_path',
      `The path ${JSON.stringify(path)} does not lie in the folder of the run`,
      {
        retryable: false,
      },
    );
  }
  await mkdir(dirname(whole), { recursive: true });
  await writeFile(whole, content);
}

const LONGEST_NAME = 80;

/** Names come from outside: what is no plain name becomes one, and its ending stays. */
export function fileNameOf(name: string): string {
  const plain = name.replace(/[/\\\0-\x1f]/g, '_').slice(-LONGEST_NAME);
  return /^\.*$/.test(plain) ? 'file' : plain;
}
