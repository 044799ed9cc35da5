import type { WorkersResponse } from '@longshore/contracts';

const LONGEST_REASON = 200;

/** A sentence for each task file, and each folder of TASKS_DIR, that live workers could not load; each once. */
export function skippedTaskFiles({ pools }: WorkersResponse): string[] {
  const skipped = pools.flatMap(({ sessions }) =>
    sessions.flatMap(({ skipped_task_files: files = [] }) =>
      files.map(({ file, reason }) => sentence(file, reason)),
    ),
  );
  return [...new Set(skipped)];
}

function sentence(file: string, reason: string): string {
  if (/^ENOENT:.* scandir /.test(reason))
    return `TASKS_DIR names ${file}, and there is no such folder: no task was loaded from it.`;
  if (/^ENOTDIR:.* scandir /.test(reason))
    return `TASKS_DIR names ${file}, which is no folder: name the folder that holds the task files.`;
  const words = reason.replace(/\s+/g, ' ').trim().replace(/\.$/, '');
  const shown = words.length <= LONGEST_REASON ? words : `${words.slice(0, LONGEST_REASON)}…`;
  return `The task file ${file} was not loaded: ${shown}${shown.endsWith('?') ? '' : '.'}`;
}
