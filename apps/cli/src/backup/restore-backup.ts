import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { beginClusterRestore, type ClusterRestore, postgresMajor } from '@longshore/embedded-postgres';
import { CliError, usageError } from '../cli-error.ts';
import { holdHome } from '../home/hold-home.ts';
import type { Home } from '../home/home.ts';
import {
  type ArchiveEntry,
  FILES,
  FORMAT,
  HEADER,
  type Header,
  headerSchema,
  HOME,
  POSTGRES,
} from './archive-format.ts';
import { readArchive } from './read-archive.ts';
import { noteRestore } from './restored-sessions.ts';

/** How the files begin by which a home is held. */
const LOCK = 'lock';

export interface RestoreOptions {
  /** The backup. */
  file: string;
  /** Must be empty, not there, or left by a restore that was killed. */
  home: Home;
  /** The folder of the file store; must be empty, or not there. */
  storageDir: string;
  /** Told how many bytes of the file were read. */
  onProgress: (bytes: number) => void;
}

/**
 * Puts a backup into an empty home, which can be started afterwards. Answers with what the backup says of itself. Every entry
 * is held against its checksum; when anything is wrong all that was written is removed again,
 * folders that were made for it included.
 *
 * Throws CliError when the home is not empty, the backup is damaged, or does not fit this release.
 */
export async function restoreBackup(options: RestoreOptions): Promise<Header> {
  const { home, storageDir, file } = options;
  if (!existsSync(file))
    throw usageError(`There is no file ${file}: name one that "longshore backup" wrote.`);
  const folders = [home.folder, storageDir];
  const isLeft = existsSync(home.restoring);
  if (!isLeft) requireEmpty(home.folder);
  const absent = folders.flatMap(absentFolders);
  const lock = await holdHome(home);
  let isRestored = false;
  try {
    if (isLeft) removeLeft(home, storageDir);
    requireEmpty(storageDir);
  } catch (error) {
    lock.release();
    removeFolders(absent);
    throw error;
  }
  try {
    writeFileSync(home.restoring, resolve(storageDir));
    const header = await unpack(options);
    noteRestore(home);
    rmSync(home.restoring);
    isRestored = true;
    return header;
  } finally {
    if (!isRestored) folders.forEach((each) => emptyFolder(each));
    lock.release();
    if (!isRestored) removeFolders(absent);
  }
}

/** What a restore wrote that was killed; the file store too if it was the same one, which was empty when it began. */
function removeLeft({ folder, restoring }: Home, storageDir: string): void {
  const before = readFileSync(restoring, 'utf8');
  if (before === resolve(storageDir)) emptyFolder(storageDir);
  emptyFolder(folder, (name) => name.startsWith(LOCK));
}

/** This folder and those above it that are not there, the innermost first. */
function absentFolders(folder: string): string[] {
  return existsSync(folder) ? [] : [folder, ...absentFolders(dirname(folder))];
}

/** What was made on the way, unless somebody put something into it meanwhile. */
function removeFolders(folders: readonly string[]): void {
  for (const folder of [...new Set(folders)].sort((one, other) => other.length - one.length)) {
    try {
      rmdirSync(folder);
    } catch {
      // It was not made, or is not empty.
    }
  }
}

function requireEmpty(folder: string): void {
  if (!existsSync(folder) || readdirSync(folder).length === 0) return;
  throw new CliError(`${folder} is not empty: restore into a folder that is, with --home.`);
}

/** What is in it was made here: it was empty before. */
function emptyFolder(folder: string, isKept = (_name: string): boolean => false): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder))
    if (!isKept(name)) rmSync(join(folder, name), { recursive: true, force: true });
}

async function unpack({ file, home, storageDir, onProgress }: RestoreOptions): Promise<Header> {
  let header: Header | undefined;
  let cluster: ClusterRestore | undefined;
  const take = async (entry: ArchiveEntry): Promise<void> => {
    if (header === undefined) {
      header = await readHeader(entry, file);
      cluster = beginClusterRestore({ dataDir: home.postgres });
    } else await write(entry, targetOf(entry.path, { home, storageDir, cluster: cluster!, file }));
  };
  try {
    await readArchive(file, { take, onProgress });
    if (header === undefined || cluster === undefined)
      throw new CliError(`${file} is empty: take another backup.`);
    cluster.finish();
    return header;
  } catch (error) {
    cluster?.abandon();
    throw error;
  }
}

async function readHeader(entry: ArchiveEntry, file: string): Promise<Header> {
  const foreign = new CliError(
    `${file} is no backup of Longshore: name a file that "longshore backup" wrote.`,
  );
  if (entry.path !== HEADER) throw foreign;
  const header = headerSchema.safeParse(JSON.parse(await text(entry.content()))).data;
  if (header === undefined) throw foreign;
  requireFit(header, file);
  return header;
}

function requireFit({ format, release, postgres, arch }: Header, file: string): void {
  if (format > FORMAT)
    throw new CliError(`${file} was written by release ${release}: restore it with that release.`);
  if (postgres !== postgresMajor()) {
    throw new CliError(
      `${file} holds data of PostgreSQL ${postgres} and this release brings PostgreSQL ${postgresMajor()}: ` +
        `restore it with release ${release}.`,
    );
  }
  if (arch !== process.arch) {
    throw new CliError(
      `${file} holds a database of a machine of kind ${arch}, and this one is ${process.arch}.`,
    );
  }
}

interface Targets extends Pick<RestoreOptions, 'home' | 'storageDir' | 'file'> {
  cluster: ClusterRestore;
}

function targetOf(path: string, { home, storageDir, cluster, file }: Targets): string {
  if (path.startsWith(POSTGRES)) return cluster.pathOf(path.slice(POSTGRES.length));
  if (path.startsWith(FILES)) return join(storageDir, path.slice(FILES.length));
  if (path.startsWith(HOME)) return join(home.folder, path.slice(HOME.length));
  throw new CliError(`${file} holds something unknown (${path}): restore it with the release that wrote it.`);
}

async function write(entry: ArchiveEntry, target: string): Promise<void> {
  if (entry.kind === 'folder') {
    mkdirSync(target, { recursive: true, mode: 0o700 });
    return;
  }
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  await pipeline(entry.content(), createWriteStream(target, { mode: 0o600, flags: 'wx', flush: true }));
}
