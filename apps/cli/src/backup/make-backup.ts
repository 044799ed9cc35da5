import { existsSync } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { DELETION_LOCK, RELEASE } from '@longshore/contracts';
import { backUpCluster, postgresMajor, startEmbeddedPostgres } from '@longshore/embedded-postgres';
import type { Logger } from '@longshore/runtime';
import { CliError, usageError } from '../cli-error.ts';
import { holdHome, refuseHalfRestored } from '../home/hold-home.ts';
import type { Home } from '../home/home.ts';
import { isHeld } from '../home/instance.ts';
import {
  type ArchiveEntry,
  FILES,
  FORMAT,
  HEADER,
  type Header,
  HOME,
  type Manifest,
  POSTGRES,
  textEntry,
} from './archive-format.ts';
import { type ArchiveWriter, createArchive } from './write-archive.ts';

export interface BackupOptions {
  home: Home;
  /** The folder of the file store. */
  storageDir: string;
  /** Where to write it. */
  file: string;
  /** The keys that open stored secrets come from ENCRYPTION_KEYS; else they are a file of the home. */
  keysElsewhere: boolean;
  logger: Logger;
  onProgress: (bytes: number) => void;
}

/** Of the running platform or of its last run, of no use elsewhere, or a backup itself. */
const NOT_OF_THE_HOME =
  /^(?:lock(?:-\w+)?|(?:earlier-)?instance\.json|demo-result\.json|.*\.(?:new|unfinished|tar\.zst|tar\.gz|tgz))$/;
/** Uploads that are not accepted yet. */
const TEMPORARY = 'tmp';

/**
 * Writes all that a platform on the embedded database is into one file, whether it runs or not.
 *
 * The order is what makes it whole. Objects get their names before the rows that name them are committed, so whatever a row in
 * the copy of the database names was there when that copy ended: objects are copied after the database. And objects
 * are removed after their rows, by whoever holds the deletion lock: it is held here meanwhile, so none is removed in between.
 *
 * Throws CliError when there is nothing to back up, or when the file is there already.
 */
export async function makeBackup(options: BackupOptions): Promise<Manifest> {
  const { home, storageDir, file } = options;
  if (!existsSync(home.postgres)) {
    throw new CliError(
      `There is no platform with a database of its own in ${home.folder}: nothing to back up.`,
    );
  }
  if (existsSync(file)) throw new CliError(`${file} is there already: choose another name.`);
  if (!existsSync(dirname(file))) throw usageError(`There is no folder ${dirname(file)}: make it first.`);
  if (`${file}${sep}`.startsWith(`${resolve(storageDir)}${sep}`)) {
    throw usageError(`${file} lies among the files that are to be backed up: choose another folder.`);
  }
  return await withDatabase(options, async () => {
    const archive = createArchive(file);
    try {
      await fill(archive, options);
      return await archive.finish();
    } catch (error) {
      await archive.abandon();
      throw error;
    }
  });
}

/** Starts the database when nobody runs it. */
async function withDatabase<T>({ home, logger }: BackupOptions, work: () => Promise<T>): Promise<T> {
  if (isHeld(home)) return await work();
  refuseHalfRestored(home);
  const lock = await holdHome(home);
  try {
    const logFile = join(home.logs, 'postgresql.log');
    const server = await startEmbeddedPostgres({ dataDir: home.postgres, logFile, logger });
    try {
      return await work();
    } finally {
      await server.stop();
    }
  } finally {
    lock.release();
  }
}

async function fill(archive: ArchiveWriter, options: BackupOptions): Promise<void> {
  const { home, storageDir, onProgress, keysElsewhere } = options;
  const add = async (entry: ArchiveEntry) => {
    await archive.add(entry);
    onProgress(archive.bytes);
  };
  await add(textEntry(HEADER, `${JSON.stringify({ ...headerNow(), keys_elsewhere: keysElsewhere })}\n`));
  for await (const entry of filesIn(home.folder, HOME, false)) await add(entry);
  await backUpCluster({
    dataDir: home.postgres,
    hold: { database: 'longshore', lock: DELETION_LOCK },
    add: (entry) => add({ ...entry, path: `${POSTGRES}${entry.path}` }),
    afterwards: async () => {
      for await (const entry of filesIn(storageDir, FILES, true)) await add(entry);
    },
  });
}

function headerNow(): Omit<Header, 'keys_elsewhere'> {
  return {
    format: FORMAT,
    release: RELEASE,
    postgres: postgresMajor(),
    arch: process.arch,
    created_at: new Date().toISOString(),
  };
}

/** The files of a folder; with `deep` those of its folders too, but for temporary ones. */
async function* filesIn(folder: string, prefix: string, deep: boolean): AsyncGenerator<ArchiveEntry> {
  for (const item of await listed(folder)) {
    const path = join(folder, item.name);
    if (item.isDirectory() && deep && item.name !== TEMPORARY)
      yield* filesIn(path, `${prefix}${item.name}/`, true);
    if (!item.isFile() || (!deep && NOT_OF_THE_HOME.test(item.name))) continue;
    yield* openedFile(path, `${prefix}${relative(folder, path)}`);
  }
}

async function listed(folder: string) {
  return existsSync(folder) ? await readdir(folder, { withFileTypes: true }) : [];
}

/** Open before its size is asked, so that it stays whole whatever becomes of its name; nothing when it is gone. */
async function* openedFile(file: string, path: string): AsyncGenerator<ArchiveEntry> {
  const handle = await open(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (handle === undefined) return;
  try {
    const { size } = await handle.stat();
    const content = () => handle.createReadStream({ autoClose: false, start: 0, end: Math.max(0, size - 1) });
    yield { path, kind: 'file', size, content: size === 0 ? async function* () {} : content };
  } finally {
    await handle.close();
  }
}
