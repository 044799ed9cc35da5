import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { SkippedTaskFile } from '@longshore/contracts';
import type { Logger } from '@longshore/runtime';
import type { Task } from './define-task.ts';
import { withOrigin } from './define-task.ts';
import type { ShareModules } from './shared-modules.ts';
import { shareMeans, tasksOfFile } from './task-file.ts';

const TASK_FILE = /(?<!\.(?:spec|test|d))\.(?:ts|js|mjs|ya?ml)$/;
const LONGEST_REASON = 500;

/** Loads a file where it can do no harm. Rejects with the reason why it shall not be loaded here. */
export interface Probe {
  (file: string, folders: readonly string[]): Promise<void>;
}

export interface LoadMeans {
  readonly logger: Logger;
  readonly share: ShareModules;
  readonly probe: Probe;
}

export interface TaskFiles {
  readonly tasks: readonly Task[];
  /** What was not loaded, and why: files, and folders that cannot be read. */
  readonly skipped: readonly SkippedTaskFile[];
}

/**
 * Loads the `.ts`, `.js`, `.mjs` and `.yaml` files of the folders in the order of their names. Each exports by default a task, a list of tasks, or a
 * function that makes them from `{ defineTask, commandTask, …, z }`; `.yaml` and `.yml` declare commands. They can import `@longshore/tasks` and `zod` wherever they lie, and
 * get those of this process. A file that the probe refuses or that fails to load is logged and skipped, as is a missing folder.
 */
export async function loadTaskFiles(
  folders: readonly string[],
  { logger, share, probe }: LoadMeans,
): Promise<TaskFiles> {
  const tasks: Task[] = [];
  const skipped: SkippedTaskFile[] = [];
  const skip = (message: string, file: string, error: unknown): void => {
    logger.error(message, { file, error });
    const reason = error instanceof Error ? error.message : String(error);
    skipped.push({ file, reason: reason.slice(0, LONGEST_REASON) });
  };
  const paths = [...new Set(folders.map((folder) => resolve(folder)))];
  shareMeans(share, paths);
  // All are tried at once, as far as the probe does that; loaded, and spoken of, they are one after the other.
  const tried = (await Promise.all(paths.map(filesOf))).map((found) =>
    Array.isArray(found) ? found.map((file) => ({ file, answer: answerOf(probe(file, paths)) })) : found,
  );
  for (const found of tried) {
    if (!Array.isArray(found)) skip('task folder cannot be read', found.folder, found.error);
    for (const { file, answer } of Array.isArray(found) ? found : []) {
      try {
        (await answer)();
        const origin = { file, folders: paths };
        tasks.push(...(await tasksOfFile(file)).map((task) => withOrigin(task, origin)));
      } catch (error) {
        skip('task file skipped', file, error);
      }
    }
  }
  return { tasks, skipped };
}

/** Resolves to what throws if it was refused: nobody may be waiting for it yet. */
function answerOf(probed: Promise<void>): Promise<() => void> {
  return probed.then(
    () => () => undefined,
    (error: unknown) => () => {
      throw error;
    },
  );
}

async function filesOf(folder: string): Promise<string[] | { folder: string; error: unknown }> {
  try {
    const names = await readdir(folder);
    return names
      .filter((name) => TASK_FILE.test(name))
      .sort()
      .map((name) => resolve(folder, name));
  } catch (error) {
    return { folder, error };
  }
}
