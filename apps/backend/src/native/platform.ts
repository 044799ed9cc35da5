import { randomUUID } from 'node:crypto';
import { rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Publisher } from '@longshore/broker';
import { CONTRACT_VERSION, RELEASE, routes, type Platform } from '@longshore/contracts';
import { handle, type MountedRoute } from '../http/server.ts';
import type { Database } from '../store/database.ts';
import { migrations } from '../store/migrate.ts';

export interface PlatformRoutesDependencies {
  readonly database: Database;
  readonly publisher: Pick<Publisher, 'ping'>;
  readonly config: { readonly brokerUrl: string; readonly storageDir: string };
}

/** How the backend finds its surroundings, each looked at anew. */
export function platformRoutes(dependencies: PlatformRoutesDependencies): MountedRoute[] {
  const { database, publisher, config } = dependencies;
  return [
    handle(routes.platform, async () => {
      const [databaseState, broker, storage, workers, lapsed] = await Promise.all([
        lookAtDatabase(database),
        lookAtBroker(publisher, config.brokerUrl),
        lookAtStorage(config.storageDir),
        liveWorkers(database),
        lapsedWorkers(database),
      ]);
      return {
        release: RELEASE,
        contract_version: CONTRACT_VERSION,
        node: process.versions.node,
        time: new Date().toISOString(),
        ...{ database: databaseState, broker, storage, workers, lapsed },
      };
    }),
  ];
}

/** The database is asked for its clock while ours is read before and after: the answer may take its time. */
async function lookAtDatabase(database: Database): Promise<Platform['database']> {
  const before = Date.now();
  const [row] = await database.query<{ version: string; now: number; migrations: string[] }>(
    `select current_setting('server_version') as version, (extract(epoch from clock_timestamp()) * 1000)::float8 as now,
            (select array_agg(name order by name) from schema_migrations) as migrations`,
  );
  const ours = (before + Date.now()) / 2;
  const known = migrations.map(({ name }) => name);
  return {
    version: row!.version,
    clock_ahead_ms: Math.round(row!.now - ours),
    pending_migrations: known.filter((name) => !row!.migrations.includes(name)),
    later_migrations: row!.migrations.filter((name) => !known.includes(name)),
  };
}

async function lookAtBroker(publisher: Pick<Publisher, 'ping'>, url: string): Promise<Platform['broker']> {
  const kind = url.startsWith('redis') ? 'redis' : 'postgres';
  return { kind, problem: await problemOf(publisher.ping()) };
}

/** Writing is the only proof that something can be written. */
async function lookAtStorage(folder: string): Promise<Platform['storage']> {
  const probe = join(folder, 'tmp', `probe-${randomUUID()}`);
  const problem = await problemOf(
    writeFile(probe, 'probe', { mode: 0o600 }).finally(() => rm(probe, { force: true })),
  );
  if (problem !== null) return { free_bytes: null, problem };
  const { bavail, bsize } = await statfs(folder);
  return { free_bytes: bavail * bsize, problem };
}

async function problemOf(work: Promise<unknown>): Promise<string | null> {
  try {
    await work;
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function liveWorkers(database: Database): Promise<Platform['workers']> {
  return await database.query<Platform['workers'][number]>(
    `select worker, instance, hostname, contract_version from sessions where ended_at is null order by worker, instance`,
  );
}

async function lapsedWorkers(database: Database): Promise<Platform['lapsed']> {
  const rows = await database.query<{ worker: string; instance: string; hostname: string; ended_at: Date }>(
    `select worker, instance, hostname, ended_at from sessions
      where state = 'lapsed' and ended_at > now() - interval '24 hours' order by ended_at desc limit 100`,
  );
  return rows.map(({ ended_at, ...process }) => ({ ...process, lapsed_at: ended_at.toISOString() }));
}
