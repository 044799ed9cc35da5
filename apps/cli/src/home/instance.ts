import { existsSync, renameSync, rmSync } from 'node:fs';
import { EmbeddedPostgresError, lockFolder } from '@longshore/embedded-postgres';
import { z } from 'zod';
import type { Home } from './home.ts';
import { readJsonFile, writeSecretFile } from './secret-file.ts';

const instanceSchema = z.object({
  pid: z.int().positive(),
  url: z.string(),
  started_at: z.string(),
  processes: z.array(z.object({ name: z.string(), pid: z.int().positive() })),
});

/** The platform that runs, or ran last, from a home. */
export type Instance = z.infer<typeof instanceSchema>;

/** What the home says about the platform that runs, or ran last, from it. */
export function readInstance(home: Home): Instance | undefined {
  return instanceSchema.safeParse(readJsonFile(home.instance)).data;
}

/** Keeps what `ps`, `down` and the clients have to know about this platform. */
export function writeInstance(home: Home, instance: Instance): void {
  writeSecretFile(home.instance, `${JSON.stringify(instance, null, 2)}\n`);
}

/** Called when nothing runs any more. */
export function removeInstance(home: Home): void {
  rmSync(home.instance, { force: true });
}

/** Puts aside what an earlier platform left: its process ids must not be taken for those of the present one. */
export function putAsideInstance(home: Home): void {
  if (existsSync(home.instance)) renameSync(home.instance, home.earlier);
}

/** The platform that ran before and did not end in order. */
export function readEarlierInstance(home: Home): Instance | undefined {
  return instanceSchema.safeParse(readJsonFile(home.earlier)).data;
}

/** Called when nothing of the earlier platform runs any more. */
export function removeEarlierInstance(home: Home): void {
  rmSync(home.earlier, { force: true });
}

/**
 * The platform that runs from this home right now. The lock decides, which dies with its holder; a process id in a file
 * alone may be anybody's by now.
 */
export function runningInstance(home: Home): Instance | undefined {
  return isHeld(home) ? readInstance(home) : undefined;
}

/** Whether a running process holds the home. */
export function isHeld(home: Home): boolean {
  if (!existsSync(home.folder)) return false;
  try {
    lockFolder(home.folder).release();
    return false;
  } catch (error) {
    if (error instanceof EmbeddedPostgresError && error.problem === 'in_use') return true;
    throw error;
  }
}
