import { copyFileSync, existsSync, readFileSync, statSync, truncateSync } from 'node:fs';

const MAX_LOG_BYTES = 10 * 1024 * 1024;

/** How long the log is now, in bytes; 0 when there is none. */
export function logSize(path: string): number {
  return existsSync(path) ? statSync(path).size : 0;
}

/** What the log says from this byte on. */
export function logSince(path: string, offset: number): string {
  return existsSync(path) ? readFileSync(path).subarray(offset).toString('utf8') : '';
}

/**
 * Keeps the log and one older one below 10 MB each. The server appends to the file it was given, so the file is emptied
 * in its place; lines written in that instant may be lost.
 */
export function trimLog(path: string): void {
  if (logSize(path) < MAX_LOG_BYTES) return;
  copyFileSync(path, `${path}.1`);
  truncateSync(path);
}
