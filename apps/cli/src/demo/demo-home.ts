import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedPostgresError, lockFolder, stopLeftBehindPostgres } from '@longshore/embedded-postgres';
import { type Home, homeAt } from '../home/home.ts';

const PREFIX = 'longshore-demo-';
/** Younger ones may be beginning to start. */
const OLD_MS = 10 * 60_000;

/** Says that a home is to stay, though nobody uses it. */
const KEPT_FILE = 'kept';

/** A home among the temporary files. Root's database runs as another user, who must be able to pass through it. */
export function makeDemoHome(prefix = PREFIX): Home {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), prefix)));
  if (process.getuid?.() === 0) chmodSync(folder, 0o711);
  return homeAt(folder);
}

/** Removes the home of a demo that has stopped. */
export function removeDemoHome(home: Home): void {
  rmSync(home.folder, { recursive: true, force: true, maxRetries: 3 });
}

/** Leaves the home where it is, for somebody to look into. */
export function keepDemoHome(home: Home): void {
  writeFileSync(join(home.folder, KEPT_FILE), '');
}

/** Clears away what demos left that were killed: their database still runs. */
export async function sweepDemoHomes(now: number, folder = tmpdir(), prefix = PREFIX): Promise<void> {
  const entries = readdirSync(folder, { withFileTypes: true });
  const homes = entries.filter((entry) => entry.isDirectory() && entry.name.startsWith(prefix));
  for (const { name } of homes) await sweep(join(folder, name), now);
}

async function sweep(path: string, now: number): Promise<void> {
  const { uid, mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? {};
  if (uid !== process.getuid?.() || mtimeMs === undefined || now - mtimeMs < OLD_MS) return;
  if (existsSync(join(path, KEPT_FILE))) return;
  const home = homeAt(path);
  try {
    lockFolder(home.folder).release();
    await stopLeftBehindPostgres(home.postgres);
    removeDemoHome(home);
  } catch (error) {
    if (!(error instanceof EmbeddedPostgresError)) throw error; // Still in use, or of no concern to this demo.
  }
}
