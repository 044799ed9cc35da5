import { mkdtempSync, rmdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makeFolder } from '@longshore/runtime';
import { EmbeddedPostgresError, explainFileError } from './embedded-postgres-error.ts';

/** A folder held for one process. */
export interface FolderLock {
  /** Gives the folder free. A second call does nothing. */
  release(): void;
}

/** SQLite's primary result codes for what can happen to a file that nobody writes to. */
const SQLITE_BUSY = 5;
const ERRNO_OF_SQLITE: Readonly<Record<number, string>> = { 8: 'EROFS', 13: 'ENOSPC', 14: 'EACCES' };

/**
 * Creates the folder where it is missing and holds it for this process until `release`, or until the process ends in
 * whatever way: the kernel drops the lock, so there is no stale lock to clean up. Node offers no file locks of its own,
 * but SQLite takes one for an exclusive transaction; the transaction never writes anything.
 *
 * Throws an EmbeddedPostgresError: `in_use` when another process (or this one) holds the folder, `disk_full`,
 * `read_only` or `not_permitted` when nothing can be written there.
 */
export function lockFolder(folder: string): FolderLock {
  requireWritable(resolve(folder));
  const database = openDatabase(folder);
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    throw explainLockError(error, folder);
  }
  return { release: () => database.isOpen && database.close() };
}

function openDatabase(folder: string): DatabaseSync {
  try {
    return new DatabaseSync(join(folder, 'lock'), { timeout: 0 });
  } catch (error) {
    throw explainLockError(error, folder);
  }
}

function explainLockError(error: unknown, folder: string): unknown {
  const errcode = (error as { errcode?: number }).errcode ?? 0;
  if (errcode !== SQLITE_BUSY)
    return explainFileError(Object.assign(error as Error, { code: ERRNO_OF_SQLITE[errcode] }), folder);
  const message = `Another running Longshore uses ${folder}: stop that one, or choose another folder with LONGSHORE_HOME.`;
  return new EmbeddedPostgresError('in_use', message);
}

/** Asked apart from SQLite, whose "unable to open" does not say why. */
function requireWritable(folder: string): void {
  try {
    makeFolder(folder);
    rmdirSync(mkdtempSync(join(folder, '.writable-')));
  } catch (error) {
    throw isNoPlace(error) ? noPlace(folder, error) : explainFileError(error, folder);
  }
}

/** A file is in the way, or the file system takes no folders at all, as /proc does. */
function isNoPlace(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function noPlace(folder: string, cause: unknown): EmbeddedPostgresError {
  const message = `No folder can be made at ${folder}: choose another one with LONGSHORE_HOME.`;
  return new EmbeddedPostgresError('not_permitted', message, { cause });
}
