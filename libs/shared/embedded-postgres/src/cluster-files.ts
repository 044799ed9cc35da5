import { type FileHandle, lstat, open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A file or folder of a cluster as a backup takes it. */
export interface ClusterEntry {
  /** Below the folder of the cluster, with `/`. */
  readonly path: string;
  readonly kind: 'file' | 'folder';
  /** Bytes that `content` gives, neither more nor less. */
  readonly size: number;
  readonly content: () => AsyncIterable<Uint8Array>;
}

/** Folders whose contents the server makes anew at its start, or that belong to the running server alone. */
const EMPTIED = new Set([
  'pg_wal',
  'pg_replslot',
  'pg_dynshmem',
  'pg_notify',
  'pg_serial',
  'pg_snapshots',
  'pg_stat_tmp',
  'pg_subtrans',
]);
const LEFT_OUT = new Set([
  'postmaster.pid',
  'postmaster.opts',
  'postgresql.auto.conf.tmp',
  'backup_label',
  'backup_label.old',
  'tablespace_map',
  'tablespace_map.old',
  'backup_manifest',
]);
/** Temporary files, and caches that would be wrong. */
const LEFT_OUT_ANYWHERE = /^(?:pgsql_tmp|pg_internal\.init)/;
const CONTROL_FILE = 'global/pg_control';
const CHUNK_BYTES = 256 * 1024;

/**
 * Everything of a cluster in use that belongs into a base backup, but for the write-ahead log. The control file comes
 * last: checkpoints go on meanwhile. Files that vanish on the way are left out: the log says what became of them.
 */
export async function* clusterEntries(data: string): AsyncGenerator<ClusterEntry> {
  yield* entriesBelow(data, '');
  const control = await steadyBytes(join(data, CONTROL_FILE));
  yield bytesEntry(CONTROL_FILE, control);
}

async function* entriesBelow(data: string, folder: string): AsyncGenerator<ClusterEntry> {
  for (const item of await readdir(join(data, folder), { withFileTypes: true })) {
    const path = folder === '' ? item.name : `${folder}/${item.name}`;
    if (LEFT_OUT_ANYWHERE.test(item.name) || path === CONTROL_FILE) continue;
    if (folder === '' && LEFT_OUT.has(item.name)) continue;
    if (item.isDirectory()) {
      yield { path, kind: 'folder', size: 0, content: nothing };
      if (!EMPTIED.has(path)) yield* entriesBelow(data, path);
    } else if (item.isFile()) {
      const entry = await fileEntry(data, path);
      if (entry !== undefined) yield entry;
    }
  }
}

/** A file of the cluster; undefined when it is gone. */
export async function fileEntry(data: string, path: string): Promise<ClusterEntry | undefined> {
  try {
    const { size } = await lstat(join(data, path));
    return { path, kind: 'file', size, content: () => exactly(join(data, path), size) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Bytes as a file of the backup. */
export function bytesEntry(path: string, bytes: Uint8Array): ClusterEntry {
  return {
    path,
    kind: 'file',
    size: bytes.length,
    content: async function* () {
      yield bytes;
    },
  };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/**
 * As many bytes of a file as it had: what was appended since is left out, what was cut off since is zeros. The log that
 * goes with the backup holds the whole of every page that changed meanwhile.
 */
async function* exactly(file: string, size: number): AsyncGenerator<Uint8Array> {
  const handle = await openIfThere(file);
  let left = size;
  try {
    while (left > 0 && handle !== undefined) {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(Math.min(CHUNK_BYTES, left)));
      if (bytesRead === 0) break;
      left -= bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle?.close();
  }
  while (left > 0) {
    const zeros = Buffer.alloc(Math.min(CHUNK_BYTES, left));
    left -= zeros.length;
    yield zeros;
  }
}

async function openIfThere(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The bytes of a small file that was not being written while it was read. */
async function steadyBytes(file: string): Promise<Buffer> {
  for (let before = await readFile(file); ;) {
    const now = await readFile(file);
    if (now.equals(before)) return now;
    before = now;
  }
}
