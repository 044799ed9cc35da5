import type { Logger } from '@longshore/runtime';
import type { TaskFiles } from '../definition/load-task-files.ts';
import { loadTaskFiles } from '../definition/load-task-files.ts';
import { shareModules } from '../definition/shared-modules.ts';
import { createProbe } from '../isolation/probe.ts';

/** Loads the task files of these folders. A module of its own: what it takes to do so is not held by workers that have none. */
export function loadTaskFolders(folders: readonly string[], logger: Logger): Promise<TaskFiles> {
  const { probe, close } = createProbe();
  return loadTaskFiles(folders, { logger, probe, share: shareModules }).finally(close);
}
