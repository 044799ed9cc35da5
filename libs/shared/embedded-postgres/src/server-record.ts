import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EmbeddedPostgresError } from './embedded-postgres-error.ts';
import { newPassword, readJson, writeSecretJson } from './secret-file.ts';

/** What the home remembers of its server between two starts. Holds passwords. */
export interface ServerRecord {
  /** PGDATA, which may lie outside the home. Undefined until a cluster was made there. */
  data: string | undefined;
  /** Used again while it is free, so that addresses written down elsewhere stay true. */
  port: number | undefined;
  /** The superuser's password. */
  password: string;
  /** Passwords of the other roles by name. */
  roles: Record<string, string>;
}

function recordPath(dataDir: string): string {
  return join(dataDir, 'server.json');
}

/** Whether a record was ever saved here. */
export function hasServerRecord(dataDir: string): boolean {
  return existsSync(recordPath(dataDir));
}

/**
 * Reads the record of this folder, or begins a new one (kept only once it is saved).
 * Throws `damaged` when the file is there and is not a record.
 */
export function readServerRecord(dataDir: string): ServerRecord {
  const path = recordPath(dataDir);
  const given = parsed(path);
  if (given === undefined) return { data: undefined, port: undefined, password: newPassword(), roles: {} };
  const { data, port, password, roles } = given as Partial<ServerRecord>;
  if (typeof password !== 'string' || typeof roles !== 'object') throw damaged(path);
  return { ...known({ data, port }), password, roles: { ...roles } };
}

/** Saves the record for its owner alone. */
export function saveServerRecord(dataDir: string, record: ServerRecord): void {
  writeSecretJson(recordPath(dataDir), record);
}

function known({ data, port }: Partial<ServerRecord>): Pick<ServerRecord, 'data' | 'port'> {
  return {
    data: typeof data === 'string' ? data : undefined,
    port: typeof port === 'number' ? port : undefined,
  };
}

function parsed(path: string): unknown {
  try {
    return readJson(path);
  } catch (error) {
    if (error instanceof SyntaxError) throw damaged(path, error);
    throw error;
  }
}

function damaged(path: string, cause?: unknown): EmbeddedPostgresError {
  const message = `${path} with the passwords of the embedded PostgreSQL is damaged: bring it back from a backup.`;
  return new EmbeddedPostgresError('damaged', message, { cause });
}
