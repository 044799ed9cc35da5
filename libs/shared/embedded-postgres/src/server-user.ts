import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { EmbeddedPostgresError } from './embedded-postgres-error.ts';

/** A user of the system other than the one of this process. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Under which user the server has to run: undefined = that of this process. PostgreSQL refuses root; as root it
 * runs as the owner of the data that are there already, else as `nobody`. No user is ever added to the system.
 */
export function serverUser(data: string | undefined): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  if (data !== undefined && existsSync(data)) {
    const { uid, gid } = statSync(data);
    if (uid !== 0) return { uid, gid };
  }
  return nobody(readFileSync('/etc/passwd', 'utf8'));
}

function nobody(passwd: string): ServerUser {
  const [, uid, gid] = /^nobody:[^:]*:(-?\d+):(-?\d+):/m.exec(passwd) ?? [];
  if (uid === undefined || gid === undefined) {
    throw new EmbeddedPostgresError(
      'not_permitted',
      'PostgreSQL refuses to run as root and this system has no user "nobody": ' +
        'start Longshore as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own.',
    );
  }
  return { uid: Number(uid), gid: Number(gid) };
}

/** Whether the permission bits let the user pass through the folder and all its parents. */
export function canReach(folder: string, user: ServerUser): boolean {
  for (let part = realpathSync(folder); ; part = dirname(part)) {
    if (!allows(part, user, 0o1)) return false;
    if (part === dirname(part)) return true;
  }
}

/** Whether the user has all of these rights (`rwx` as three bits) on one file or folder. */
export function allows(path: string, user: ServerUser, rights: number): boolean {
  const { uid, gid, mode } = statSync(path);
  const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0;
  return ((mode >> shift) & rights) === rights;
}
