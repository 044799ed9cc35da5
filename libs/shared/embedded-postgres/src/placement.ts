import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, realpathSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { type Binaries, binariesAt } from './binaries.ts';
import { copyBinaries } from './copy-binaries.ts';
import { EmbeddedPostgresError } from './embedded-postgres-error.ts';
import { throwAwayFolder } from './throw-away-data.ts';
import { allows, canReach, type ServerUser, serverUser } from './server-user.ts';

/** Where the server's files lie and under which user it runs (undefined = that of this process). */
export interface Placement {
  /** The folder of the PostgreSQL cluster, PGDATA. */
  readonly data: string;
  readonly binaries: Binaries;
  readonly user: ServerUser | undefined;
}

export interface PlacementRequest {
  /** The folder in the home, an absolute real path. */
  readonly dataDir: string;
  /** Where an earlier start put the data. */
  readonly knownData: string | undefined;
  readonly installed: Binaries;
  /** For folders outside a home that the server's user cannot reach (default `/var/lib/longshore`). */
  readonly systemFolder?: string | undefined;
}

const SYSTEM_FOLDER = '/var/lib/longshore';

/**
 * Decides where data and binaries lie and makes those folders. Everything stays in the home, unless the process is
 * root and the server's unprivileged user cannot reach the home: then data lie in `<system folder>/<hash of the home>`,
 * or in the folder for temporary files when the home itself lies there. The binaries are used in place or copied.
 */
export function place(request: PlacementRequest): Placement {
  const { dataDir, knownData, installed, systemFolder = SYSTEM_FOLDER } = request;
  const user = serverUser(knownData ?? join(dataDir, 'cluster'));
  if (user === undefined) return { data: knownData ?? join(dataDir, 'cluster'), binaries: installed, user };
  const data = knownData ?? join(dataHolder(dataDir, user, systemFolder), 'cluster');
  return { data, binaries: reachableBinaries({ installed, user, systemFolder, data }), user };
}

function dataHolder(dataDir: string, user: ServerUser, systemFolder: string): string {
  if (canReach(dataDir, user)) return dataDir;
  if (`${dataDir}${sep}`.startsWith(`${realpathSync(tmpdir())}${sep}`)) return throwAwayFolder(dataDir);
  if (!ownFolder(systemFolder)) throw unreachable(dataDir, systemFolder);
  const wanted = join(systemFolder, createHash('sha256').update(dataDir).digest('hex').slice(0, 16));
  // A folder without a home that points to it belonged to an earlier home of this path: its data are left alone.
  if (existsSync(join(wanted, 'cluster'))) return openFolder(`${wanted}-`);
  mkdirSync(wanted, { recursive: true, mode: 0o711 });
  return wanted;
}

/** A new folder of a random name that everybody may pass through. */
function openFolder(prefix: string): string {
  const folder = mkdtempSync(prefix);
  chmodSync(folder, 0o711);
  return folder;
}

/** Whether the folder is there, or could be made, and is root's alone: only then may programs in it be trusted. */
function ownFolder(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    const { uid, mode } = statSync(folder);
    return uid === 0 && (mode & 0o022) === 0;
  } catch {
    return false; // Not writable or not a folder: for the caller the same as not ours.
  }
}

function unreachable(dataDir: string, systemFolder: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'not_permitted',
    `PostgreSQL refuses to run as root, and the user "nobody" can reach neither ${dataDir} nor ${systemFolder}: ` +
      'choose a folder that everybody may pass through with LONGSHORE_HOME, or start Longshore as an ordinary user.',
  );
}

interface BinariesRequest {
  installed: Binaries;
  user: ServerUser;
  systemFolder: string;
  data: string;
}

function reachableBinaries({ installed, user, systemFolder, data }: BinariesRequest): Binaries {
  if (isUsable(installed, user)) return installed;
  const holder = ownFolder(systemFolder) && canReach(systemFolder, user) ? systemFolder : join(data, '..');
  const root = join(holder, `postgresql-${installed.version}`);
  if (!existsSync(root)) copyBinaries(installed.root, root);
  return binariesAt(root, installed.version);
}

function isUsable({ root, initdb, postgres }: Binaries, user: ServerUser): boolean {
  const timezones = join(root, 'share/postgresql/timezone');
  return (
    ['bin', 'lib'].every((folder) => canReach(join(root, folder), user)) &&
    canReach(timezones, user) &&
    allows(timezones, user, 0o5) &&
    [initdb, postgres].every((program) => allows(program, user, 0o5)) &&
    allows(join(root, 'share/postgresql/postgres.bki'), user, 0o4)
  );
}
