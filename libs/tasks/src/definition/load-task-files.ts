import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { SkippedTaskFile } from '@longshore/contracts';
import type { Logger } from '@longshore/runtime';
import * as zod from 'zod';
import type { Task } from './define-task.ts';
import { defineTask, isTask } from './define-task.ts';
import { fanOut } from './fan-out.ts';
import type { ShareModules } from './shared-modules.ts';
import { TaskError } from './task-error.ts';

const TASK_FILE = /(?<!\.(?:spec|test|d))\.(?:ts|js|mjs)$/;
const LONGEST_REASON = 500;

/** What a task file may import from `@longshore/tasks`. */
const MEANS = Object.freeze({ defineTask, fanOut, TaskError });

export interface LoadMeans {
  readonly logger: Logger;
  readonly share: ShareModules;
}

export interface TaskFiles {
  readonly tasks: readonly Task[];
  /** What was not loaded, and why: files, and folders that cannot be read. */
  readonly skipped: readonly SkippedTaskFile[];
}

/**
 * Loads the `.ts`, `.js` and `.mjs` files of the folders in the order of their names. Each exports by default a task, a list of tasks, or a
 * function that makes them from `{ defineTask, fanOut, TaskError, z }`. They can import `@longshore/tasks` and `zod` wherever they lie, and
 * get those of this process. A file that fails to load is logged and skipped, as is a missing folder.
 */
export async function loadTaskFiles(
  folders: readonly string[],
  { logger, share }: LoadMeans,
): Promise<TaskFiles> {
  const tasks: Task[] = [];
  const skipped: SkippedTaskFile[] = [];
  const skip = (message: string, file: string, error: unknown): void => {
    logger.error(message, { file, error });
    const reason = error instanceof Error ? error.message : String(error);
    skipped.push({ file, reason: reason.slice(0, LONGEST_REASON) });
  };
  const paths = [...new Set(folders.map((folder) => resolve(folder)))];
  if (paths.length > 0) share({ '@longshore/tasks': MEANS, zod }, paths);
  for (const folder of paths) {
    for (const file of await filesOf(folder, skip)) {
      try {
        tasks.push(...(await tasksOf(file)));
      } catch (error) {
        skip('task file skipped', file, error);
      }
    }
  }
  return { tasks, skipped };
}

type Skip = (message: string, file: string, error: unknown) => void;

async function filesOf(folder: string, skip: Skip): Promise<string[]> {
  try {
    const names = await readdir(folder);
    return names
      .filter((name) => TASK_FILE.test(name))
      .sort()
      .map((name) => resolve(folder, name));
  } catch (error) {
    skip('task folder cannot be read', folder, error);
    return [];
  }
}

async function tasksOf(path: string): Promise<Task[]> {
  const { default: exported } = (await import(pathToFileURL(path).href)) as { default?: unknown };
  const made: unknown =
    typeof exported === 'function' ? await exported(Object.freeze({ ...MEANS, z: zod.z })) : exported;
  const list: unknown[] = Array.isArray(made) ? made : [made];
  if (list.length > 0 && list.every(isTask)) return list;
  throw new TypeError(
    'The file does not export a task, a list of tasks, or a function that makes them, as its default',
  );
}
