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
  for (const folder of paths) {
    for (const file of await filesOf(folder, skip)) {
      try {
        await probe(file, paths);
        const origin = { file, folders: paths };
        tasks.push(...(await tasksOfFile(file)).map((task) => withOrigin(task, origin)));
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
