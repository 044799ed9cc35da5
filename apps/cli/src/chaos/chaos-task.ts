import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The task that the general workers load. */
export const TASK = 'chaos_effect';

/** Where its effects go, below the folder of the task. */
export function effectsFolder(folder: string): string {
  return join(folder, 'effects');
}

/**
 * Writes the file of the task. Its effect is a file named after the request and the run's idempotency key: a second run for one request
 * leaves a second file, a second start of one run does not.
 */
export async function writeTask(folder: string): Promise<void> {
  const effects = effectsFolder(folder);
  await mkdir(effects, { recursive: true });
  await writeFile(
    join(folder, `${TASK}.mjs`),
    `import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export default ({ defineTask, TaskError, z }) => defineTask({
  name: '${TASK}',
  description: 'Takes a while, fails as often as it is told to, and leaves a file.',
  input: z.object({ tag: z.string(), value: z.int(), fails: z.int(), for_ms: z.int() }),
  maxAttempts: 4,
  backoff: { baseMs: 200, capMs: 1000 },
  handler: async ({ tag, value, fails, for_ms }, { run, sleep }) => {
    await sleep(for_ms);
    if (run.attempt <= fails) throw new TaskError('asked_to_fail', 'It was asked to fail');
    const file = join(${JSON.stringify(effects)}, tag + '.' + encodeURIComponent(run.idempotencyKey));
    await writeFile(file, String(value), { flag: 'wx' }).catch((error) => {
      if (error.code !== 'EEXIST') throw error;
    });
    return { doubled: 2 * value };
  },
});
`,
  );
}
