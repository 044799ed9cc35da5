import { defineTask, runProgram, TaskError } from '@longshore/tasks';
import { z } from 'zod';

/** Tells how full the file systems of the worker are, and fails when one is fuller than it may be. */
export const diskSpace = defineTask({
  name: 'example_disk_space',
  group: 'Maintenance',
  description: 'Tells how full the file systems of the worker are. Needs df.',
  input: z.strictObject({
    most_percent: z.int().min(1).max(100).default(100).describe('Fails when one is fuller than that.'),
  }),
  isolation: 'process',
  hardLimitMs: 60_000,
  handler: async ({ most_percent }, context) => {
    const { exitCode, result, lastWords } = await runProgram(
      { command: ['df', '-kP'], resultOn: 'stdout' },
      context,
    );
    const file_systems = fileSystemsIn(new TextDecoder().decode(result));
    // One that cannot be asked makes df fail, and still tell of the others.
    if (file_systems.length === 0)
      throw new TaskError('df_failed', `df (exit code ${exitCode}): ${lastWords}`);
    const full = file_systems.filter(({ used_percent }) => used_percent > most_percent);
    if (full.length === 0) return { file_systems };
    const named = full.map(({ mounted_on, used_percent }) => `${mounted_on} (${used_percent} %)`);
    throw new TaskError('disk_full', `Fuller than ${most_percent} %: ${named.join(', ')}`, {
      retryable: false,
      output: { file_systems },
    });
  },
});

/** What `df -kP` says, whose form POSIX fixes. */
export function fileSystemsIn(text: string) {
  return text.split('\n').flatMap((line) => {
    const found = /\s(\d+)\s+\d+\s+(-?\d+)\s+(\d+)%\s+(\/.*)$/.exec(line);
    if (found === null) return [];
    const [, size, free, used_percent, mounted_on = ''] = found;
    return { mounted_on, size_kib: Number(size), free_kib: Number(free), used_percent: Number(used_percent) };
  });
}
