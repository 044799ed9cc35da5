import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Logger } from '@longshore/runtime';
import { z } from 'zod';
import type { Task } from './define-task.ts';
import { defineTask, isTask } from './define-task.ts';
import { fanOut } from './fan-out.ts';
import { TaskError } from './task-error.ts';

const TASK_FILE = /(?<!\.(?:spec|test|d))\.(?:ts|js|mjs)$/;

/** What a task file that exports a function is given: such a file needs nothing installed beside it. */
const MEANS = Object.freeze({ defineTask, fanOut, TaskError, z });

/**
 * Loads the `.ts`, `.js` and `.mjs` files of a folder in the order of their names. Each exports by default a task, a list of tasks, or a
 * function that makes them from `{ defineTask, fanOut, TaskError, z }`. A file that fails to load is logged and skipped, as is a missing folder.
 */
export async function loadTaskFiles(folder: string, logger: Logger): Promise<Task[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    logger.error('task folder cannot be read', { folder, error });
    return [];
  });
  const tasks: Task[] = [];
  for (const name of names.filter((file) => TASK_FILE.test(file)).sort()) {
    try {
      tasks.push(...(await tasksOf(resolve(folder, name))));
    } catch (error) {
      logger.error('task file skipped', { file: resolve(folder, name), error });
    }
  }
  return tasks;
}

async function tasksOf(path: string): Promise<Task[]> {
  const { default: exported } = (await import(pathToFileURL(path).href)) as { default?: unknown };
  const made: unknown = typeof exported === 'function' ? await exported(MEANS) : exported;
  const list: unknown[] = Array.isArray(made) ? made : [made];
  if (list.length > 0 && list.every(isTask)) return list;
  throw new TypeError(
    'The file does not export a task, a list of tasks, or a function that makes them, as its default',
  );
}
