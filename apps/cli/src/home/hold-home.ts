import { mkdirSync } from 'node:fs';
import { type FolderLock, lockFolder } from '@longshore/embedded-postgres';
import { type Clock, systemClock } from '@longshore/runtime';
import type { Home } from './home.ts';
import { putAsideInstance, removeInstance } from './instance.ts';

/** A client takes the lock for an instant, to see whether somebody holds it: hence a few attempts. */
const ATTEMPTS = 4;
const PAUSE_MS = 25;

/**
 * Makes the home and holds it for this process. Throws EmbeddedPostgresError with a sentence when another one holds it, and
 * when nothing can be written there.
 */
export async function holdHome(home: Home, clock: Clock = systemClock): Promise<FolderLock> {
  for (let attempt = 1; attempt < ATTEMPTS; attempt += 1) {
    try {
      return hold(home);
    } catch {
      await clock.sleep(PAUSE_MS);
    }
  }
  return hold(home);
}

function hold(home: Home): FolderLock {
  const lock = lockFolder(home.folder);
  putAsideInstance(home);
  mkdirSync(home.logs, { recursive: true });
  return {
    release: () => {
      removeInstance(home);
      lock.release();
    },
  };
}
