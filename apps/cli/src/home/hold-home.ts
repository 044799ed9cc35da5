import { existsSync, mkdirSync } from 'node:fs';
import { type FolderLock, lockFolder } from '@longshore/embedded-postgres';
import { type Clock, systemClock } from '@longshore/runtime';
import { CliError } from '../cli-error.ts';
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

/** @throws CliError when a backup was being put into this home, and whoever did it was killed */
export function refuseHalfRestored({ folder, restoring }: Home): void {
  if (!existsSync(restoring)) return;
  throw new CliError(
    `${folder} holds half of a backup: its restore was interrupted. Run longshore restore once more.`,
  );
}

function hold(home: Home): FolderLock {
  makePrivate(home);
  const lock = lockFolder(home.folder);
  putAsideInstance(home);
  mkdirSync(home.logs, { recursive: true, mode: 0o700 });
  return {
    release: () => {
      removeInstance(home);
      lock.release();
    },
  };
}

/** A new home is its owner's alone; root's database runs as another user, who must be able to pass through it. */
function makePrivate({ folder }: Home): void {
  const mode = process.getuid?.() === 0 ? 0o711 : 0o700;
  try {
    mkdirSync(folder, { mode });
  } catch {
    // It is there, or its parent is not: the lock makes the folder, or says in a sentence why it cannot.
  }
}
