import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { queryOnce, startEmbeddedPostgres, type EmbeddedPostgres } from '@longshore/embedded-postgres';
import { silentLogger } from '@longshore/runtime';
import type { Place } from './place.ts';

export interface SharedServer {
  readonly place: Omit<Place, 'prefix'>;
  /** Drops the databases whose names begin like this. */
  drop(prefix: string): Promise<void>;
  stop(): Promise<void>;
}

const ROLE = 'suites';

/** For several suites at once, each with several backends; and so that nothing is written to the disk that will be dropped soon. */
const SETTINGS = {
  max_connections: '500',
  shared_buffers: '256MB',
  checkpoint_timeout: '1h',
  max_wal_size: '4GB',
};

/** Starts it in a folder that exists. Commits do not wait for the disk: no suite sees this server end. */
export async function startSharedServer(folder: string): Promise<SharedServer> {
  // As root the server runs under another user, who must be able to reach its data.
  await chmod(folder, 0o755);
  const start = () => startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), logger: silentLogger() });
  const first = await start();
  for (const [name, value] of Object.entries(SETTINGS))
    await queryOnce(first.adminUrl, `alter system set ${name} = '${value}'`);
  await first.stop();
  const server = await start();
  const { password } = new URL(await server.createDatabase({ name: ROLE, role: ROLE }));
  await queryOnce(server.adminUrl, `alter role ${ROLE} set synchronous_commit = off`);
  return {
    place: { adminUrl: server.adminUrl, role: ROLE, password },
    drop: (prefix) => dropAll(server, prefix),
    stop: () => stopAtOnce(server),
  };
}

/** Nothing of it is wanted any more: what is not yet on the disk need not get there. */
async function stopAtOnce(server: EmbeddedPostgres): Promise<void> {
  const ownPid = `select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int as pid`;
  const [row] = await queryOnce<{ pid: number }>(server.adminUrl, ownPid);
  const stopped = server.stop();
  if (row !== undefined) process.kill(row.pid, 'SIGQUIT');
  await stopped;
}

async function dropAll({ adminUrl }: EmbeddedPostgres, prefix: string): Promise<void> {
  const names = 'select datname from pg_database where starts_with(datname, $1)';
  for (const { datname } of await queryOnce<{ datname: string }>(adminUrl, names, [prefix]))
    await queryOnce(adminUrl, `drop database "${datname}" with (force)`);
}
