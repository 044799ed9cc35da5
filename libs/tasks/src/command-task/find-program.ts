import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, resolve } from 'node:path';
import { TaskError } from '../definition/task-error.ts';

/**
 * The path of a program: one with a slash begins at `cwd`, any other is looked for in `path`.
 * @throws {TaskError} that says which program, or which folder, is missing on this worker
 */
export async function findProgram(
  program: string,
  { cwd, path }: { cwd: string; path: string },
): Promise<string> {
  if (!(await stat(cwd).catch(() => undefined))?.isDirectory())
    throw missing('folder_missing', `The folder ${cwd}, in which ${program} is to start, is not there`);
  if (program.includes('/')) {
    const whole = resolve(cwd, program);
    if (await isProgram(whole)) return whole;
    throw missing('program_missing', `The program ${whole} is not on this worker, or may not be executed`);
  }
  for (const folder of path.split(delimiter).filter(isAbsolute)) {
    const whole = resolve(folder, program);
    if (await isProgram(whole)) return whole;
  }
  throw missing('program_missing', `The program ${program} is not on this worker (looked for in ${path})`);
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** Another attempt would find the same. */
function missing(code: string, message: string): TaskError {
  return new TaskError(code, message, { retryable: false });
}
