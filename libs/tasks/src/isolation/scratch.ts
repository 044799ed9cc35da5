import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where runs of a process keep what is theirs alone; it goes when that process does, however it ends. */
export function scratchOf(mark: string): string {
  return join(tmpdir(), `longshore-${mark}`);
}

/** Makes it where it is not there yet, for this user alone. */
export async function makeScratch(mark: string): Promise<string> {
  const path = scratchOf(mark);
  await mkdir(path, { recursive: true, mode: 0o700 });
  return path;
}

/** Never rejects: what cannot be removed (a folder that a program made read-only, say) is left to whoever empties that place. */
export async function removeScratch(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  } catch {
    // Nobody could do anything about it here.
  }
}
