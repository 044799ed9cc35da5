import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Copies the folder so that every user of the system can run what is in it, whole or not at all: another process
 * that looks for `to` finds all of it or nothing.
 */
export function copyBinaries(from: string, to: string): void {
  const unfinished = mkdtempSync(join(dirname(to), '.copying-'));
  try {
    cpSync(from, unfinished, { recursive: true, verbatimSymlinks: true });
    openForAll(unfinished);
    moveInto(unfinished, to);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

function openForAll(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) openForAll(path);
    else if (entry.isFile()) chmodSync(path, lstatSync(path).mode & 0o100 ? 0o755 : 0o644);
  }
}

function moveInto(unfinished: string, to: string): void {
  try {
    renameSync(unfinished, to);
  } catch (error) {
    if (!existsSync(to)) throw error; // Else another process was faster, with the same files.
  }
}
