import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as zod from 'zod';
import { commandTask } from '../command-task/command-task.ts';
import { readCommandFile } from '../command-task/read-command-file.ts';
import { runProgram } from '../command-task/run-program.ts';
import type { Task } from './define-task.ts';
import { defineTask, isTask } from './define-task.ts';
import { fanOut } from './fan-out.ts';
import type { ShareModules } from './shared-modules.ts';
import { TaskError } from './task-error.ts';

/** What a task file may import from `@longshore/tasks`. */
export const MEANS = Object.freeze({ commandTask, defineTask, fanOut, runProgram, TaskError });

/** Lets the files of these folders import `@longshore/tasks` and `zod`, and get those of this thread. */
export function shareMeans(share: ShareModules, folders: readonly string[]): void {
  if (folders.length > 0) share({ '@longshore/tasks': MEANS, zod }, folders);
}

/** What declares tasks instead of making them. */
const DECLARATIONS = /\.ya?ml$/;

/** The tasks that a file makes or declares. @throws what its import throws, or a TypeError when it says something else */
export async function tasksOfFile(path: string): Promise<Task[]> {
  const tasks = await (DECLARATIONS.test(path) ? readCommandFile(path) : importedTasks(path));
  return tasks.map((task) => task.moved?.(dirname(path)) ?? task);
}

async function importedTasks(path: string): Promise<Task[]> {
  const { default: exported } = (await import(pathToFileURL(path).href)) as { default?: unknown };
  const made: unknown =
    typeof exported === 'function' ? await exported(Object.freeze({ ...MEANS, z: zod.z })) : exported;
  const list: unknown[] = Array.isArray(made) ? made : [made];
  if (list.length > 0 && list.every(isTask)) return list;
  throw new TypeError(
    'The file does not export a task, a list of tasks, or a function that makes them, as its default',
  );
}
