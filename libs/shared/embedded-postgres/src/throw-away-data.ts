import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isPostmasterOf, readPostmasterFile } from './postmaster-file.ts';

const PREFIX = 'longshore-data-';
/** Names the folder in the home to which the data belong. */
const OWNER_FILE = 'belongs-to';

/**
 * A new folder among the temporary files for the data of a home that lies there too. Whoever removes such a home knows
 * nothing of this folder: so those whose home is gone are removed here.
 */
export function throwAwayFolder(dataDir: string): string {
  sweep();
  const folder = mkdtempSync(join(tmpdir(), PREFIX));
  chmodSync(folder, 0o711);
  writeFileSync(join(folder, OWNER_FILE), dataDir, { mode: 0o600 });
  return folder;
}

function sweep(): void {
  const names = readdirSync(tmpdir()).filter((name) => name.startsWith(PREFIX));
  for (const folder of names.map((name) => join(tmpdir(), name))) {
    if (isForsaken(folder)) rmSync(folder, { recursive: true, force: true });
  }
}

/** Only what this user made, what names a home that is gone, and what no server runs on. */
function isForsaken(folder: string): boolean {
  const owner = join(folder, OWNER_FILE);
  if (statSync(owner, { throwIfNoEntry: false })?.uid !== process.getuid?.()) return false;
  if (existsSync(readFileSync(owner, 'utf8'))) return false;
  const data = join(folder, 'cluster');
  const pid = readPostmasterFile(data)?.pid;
  return pid === undefined || !isPostmasterOf(pid, data);
}
