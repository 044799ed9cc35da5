import { randomUUID } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { connectionUrl } from './admin-connection.ts';
import { installedBinaries } from './binaries.ts';
import { bytesEntry, type ClusterEntry, clusterEntries, fileEntry } from './cluster-files.ts';
import { EmbeddedPostgresError } from './embedded-postgres-error.ts';
import { isPostmasterOf, readPostmasterFile } from './postmaster-file.ts';
import { readServerRecord, type ServerRecord } from './server-record.ts';

/** The names under which a backup keeps what it has of the server's folder. */
export const CLUSTER_FOLDER = 'cluster';
export const RECORD_FILE = 'server.json';

export interface BaseBackupOptions {
  /** Folder in the home for everything of the server, which must be running. */
  dataDir: string;
  /** An advisory lock of a database that is held from before the copy of the rows until `afterwards` has ended. */
  hold: { database: string; lock: number };
  /** Takes each file and folder in turn. Paths are below the server's folder. */
  add: (entry: ClusterEntry) => Promise<void>;
  /** What has to be copied after the rows. */
  afterwards: () => Promise<void>;
}

/** The major version of PostgreSQL that this release brings: only its own data can be used. */
export function postgresMajor(): string {
  return installedBinaries().major;
}

/**
 * Makes a base backup of the running server: what is committed when the copy of the rows ends is in it, whatever was written
 * meanwhile. It holds all files, the write-ahead log from the beginning to the end of the copy (a temporary replication
 * slot keeps the server from recycling that), and the passwords of the roles.
 *
 * @throws EmbeddedPostgresError `damaged` when no server runs there.
 */
export async function backUpCluster({ dataDir, hold, add, afterwards }: BaseBackupOptions): Promise<void> {
  const { record, data, port } = runningServer(realpathSync(dataDir));
  const address = { role: 'postgres', password: record.password, port, database: hold.database };
  const client = new pg.Client({
    connectionString: connectionUrl(address),
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    application_name: 'longshore-backup',
  });
  client.on('error', () => undefined); // The next query tells.
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [hold.lock]);
    const inCluster = (entry: ClusterEntry) => add({ ...entry, path: `${CLUSTER_FOLDER}/${entry.path}` });
    await copyCluster(client, data, inCluster);
    const { password, roles } = record;
    await add(bytesEntry(RECORD_FILE, Buffer.from(`${JSON.stringify({ password, roles }, null, 2)}\n`)));
    await afterwards();
  } finally {
    await client.end();
  }
}

function runningServer(dataDir: string): { record: ServerRecord; data: string; port: number } {
  const record = readServerRecord(dataDir);
  const { data } = record;
  const file = data === undefined || !existsSync(data) ? undefined : readPostmasterFile(data);
  if (data === undefined || file?.port === undefined || !isPostmasterOf(file.pid, data)) {
    throw new EmbeddedPostgresError('damaged', `No database runs in ${dataDir}: start it and try again.`);
  }
  return { record, data, port: file.port };
}

async function copyCluster(
  client: pg.Client,
  data: string,
  add: (entry: ClusterEntry) => Promise<void>,
): Promise<void> {
  // Temporary: it goes with this connection, however that ends.
  await client.query('select pg_create_physical_replication_slot($1, true, true)', [
    `longshore_backup_${randomUUID().replaceAll('-', '_')}`,
  ]);
  const { rows: started } = await client.query<{ first: string }>(
    `select pg_walfile_name(pg_backup_start('longshore', true)) as first`,
  );
  for await (const entry of clusterEntries(data)) await add(entry);
  const { rows: stopped } = await client.query<{ last: string; label: string; spaces: string }>(
    `select pg_walfile_name(lsn) as last, labelfile as label, coalesce(spcmapfile, '') as spaces from pg_backup_stop(false)`,
  );
  const { last, label, spaces } = stopped[0]!;
  await add(bytesEntry('backup_label', Buffer.from(label)));
  if (spaces !== '') await add(bytesEntry('tablespace_map', Buffer.from(spaces)));
  await copyLog(data, { first: started[0]!.first, last }, add);
}

/** The names of segments are in their order. */
async function copyLog(
  data: string,
  { first, last }: { first: string; last: string },
  add: (entry: ClusterEntry) => Promise<void>,
): Promise<void> {
  const names = (await readdir(join(data, 'pg_wal'))).filter((name) => /^[0-9A-F]{24}$/.test(name)).sort();
  const wanted = names.filter((name) => name >= first && name <= last);
  if (wanted[0] !== first || wanted.at(-1) !== last) {
    throw new Error(`the write-ahead log from ${first} to ${last} is not complete`);
  }
  for (const name of wanted) {
    const entry = await fileEntry(data, `pg_wal/${name}`);
    if (entry === undefined) throw new Error(`the write-ahead log lost ${name}`);
    await add(entry);
  }
}
