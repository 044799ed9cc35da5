import { existsSync } from 'node:fs';
import { connectionUrl } from './admin-connection.ts';
import type { DatabaseRequest } from './databases.ts';
import { isPostmasterOf, readPostmasterFile } from './postmaster-file.ts';
import { readServerRecord } from './server-record.ts';

/**
 * The URL of a database of the server that another process runs in this folder right now, for the role that owns it. Undefined: no
 * server accepts connections there, or it has no such role. Starts nothing and makes nothing.
 * @throws EmbeddedPostgresError `damaged` when its record cannot be read
 */
export function runningDatabaseUrl(dataDir: string, { name, role }: DatabaseRequest): string | undefined {
  const { data, roles } = readServerRecord(dataDir);
  const password = roles[role];
  const file = data === undefined || !existsSync(data) ? undefined : readPostmasterFile(data);
  if (data === undefined || password === undefined || file?.port === undefined || !file.ready)
    return undefined;
  if (!isPostmasterOf(file.pid, data)) return undefined;
  return connectionUrl({ role, password, port: file.port, database: name });
}
