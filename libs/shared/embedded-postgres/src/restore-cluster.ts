import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { CLUSTER_FOLDER, RECORD_FILE } from './base-backup.ts';
import { installedBinaries } from './binaries.ts';
import { EmbeddedPostgresError } from './embedded-postgres-error.ts';
import { place, type Placement } from './placement.ts';
import { hasServerRecord, readServerRecord, saveServerRecord } from './server-record.ts';

export interface ClusterRestoreOptions {
  /** Folder in the home for everything of the server; must not hold one yet. */
  dataDir: string;
  /** See EmbeddedPostgresOptions. */
  systemFolder?: string;
}

/** A cluster that is being put back. */
export interface ClusterRestore {
  /** Where a file or folder of the backup is to be written. */
  pathOf(entry: string): string;
  /** Gives everything its name and its owner; the server can be started afterwards. */
  finish(): void;
  /** Removes what was written. */
  abandon(): void;
}

/**
 * Begins to put a base backup back, as a server that was never started here. The data get the place that a new server would get.
 *
 * @throws EmbeddedPostgresError `in_use` when there is a server already, `not_permitted` and the like.
 */
export function beginClusterRestore({ dataDir, systemFolder }: ClusterRestoreOptions): ClusterRestore {
  mkdirSync(dataDir, { recursive: true });
  const folder = realpathSync(dataDir);
  if (hasServerRecord(folder) || existsSync(join(folder, CLUSTER_FOLDER))) {
    throw new EmbeddedPostgresError('in_use', `${folder} holds a database already: choose an empty folder.`);
  }
  const placement = place({
    dataDir: folder,
    knownData: undefined,
    installed: installedBinaries(),
    systemFolder,
  });
  const unfinished = `${placement.data}.restored`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { mode: 0o700 });
  return {
    pathOf: (entry) =>
      entry === CLUSTER_FOLDER || entry.startsWith(`${CLUSTER_FOLDER}/`)
        ? join(unfinished, entry.slice(CLUSTER_FOLDER.length))
        : join(folder, entry),
    finish: () => finish(folder, placement, unfinished),
    abandon: () => {
      rmSync(unfinished, { recursive: true, force: true });
      rmSync(join(folder, RECORD_FILE), { force: true });
    },
  };
}

function finish(folder: string, placement: Placement, unfinished: string): void {
  const record = readServerRecord(folder);
  if (!hasServerRecord(folder) || !existsSync(join(unfinished, 'backup_label'))) {
    throw new EmbeddedPostgresError('damaged', 'The backup lacks parts of its database: take another one.');
  }
  own(unfinished, placement.user);
  renameSync(unfinished, placement.data);
  saveServerRecord(folder, { ...record, data: placement.data });
}

/** PostgreSQL refuses data that others may read, or that are not its user's. */
function own(path: string, user: Placement['user']): void {
  chmodSync(path, 0o700);
  if (user) chownSync(path, user.uid, user.gid);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) own(inner, user);
    else {
      chmodSync(inner, 0o600);
      if (user) chownSync(inner, user.uid, user.gid);
    }
  }
}
