import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, type Logger, systemClock } from '@longshore/runtime';
import { adminUrl, HOST } from './admin-connection.ts';
import { installedBinaries } from './binaries.ts';
import { ensureCluster } from './cluster.ts';
import { closeSystemDatabases, createDatabase, type DatabaseRequest } from './databases.ts';
import { EmbeddedPostgresError, explainFileError } from './embedded-postgres-error.ts';
import { lockFolder } from './folder-lock.ts';
import { freePort, isPortFree } from './free-port.ts';
import { adoptLeftover } from './leftover-server.ts';
import { place, type Placement } from './placement.ts';
import { isPostmasterOf, readPostmasterFile } from './postmaster-file.ts';
import { keepRunning } from './server-keeper.ts';
import { trimLog } from './server-log.ts';
import { type ServerContext, type ServerProcess, startServer, stopServer } from './server-process.ts';
import { hasServerRecord, readServerRecord, saveServerRecord, type ServerRecord } from './server-record.ts';

export interface EmbeddedPostgresOptions {
  /** Folder in the home for everything of this server; made where it is missing. */
  dataDir: string;
  logger: Logger;
  /** The port it must have. Default: the one of the last start while it is free, else any free one. */
  port?: number;
  /** Where the server writes its log (default `<dataDir>/postgresql.log`). */
  logFile?: string;
  /** For what an unprivileged user must reach when the home is closed to it (default `/var/lib/longshore`). */
  systemFolder?: string;
  clock?: Clock;
}

export interface EmbeddedPostgres {
  readonly host: string;
  readonly port: number;
  /** The superuser's URL. For no other process than this one. */
  readonly adminUrl: string;
  /** Process id of the server that was found running and taken over. */
  readonly adoptedFrom?: number;
  /** Makes the role and its database where they are missing; answers with the URL of that role. */
  createDatabase(request: DatabaseRequest): Promise<string>;
  /** Ends the server (at most 20 s) and gives the folder free. A second call waits for the first. */
  stop(): Promise<void>;
}

const TRIM_EVERY_MS = 600_000;

/**
 * Starts the PostgreSQL that comes with npm on 127.0.0.1, or takes over the one that an earlier process left behind,
 * and starts it again whenever it ends. Everything that was committed is still there after any kind of end.
 * It answers when the server accepts connections: about a second at the first start, half of it later.
 * Throws EmbeddedPostgresError, whose message says what to do.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const lock = lockFolder(options.dataDir);
  try {
    const server = await openServer(options);
    return { ...server, stop: once(() => server.stop().finally(() => lock.release())) };
  } catch (error) {
    lock.release();
    throw explainFileError(error, options.dataDir);
  }
}

/**
 * Ends a server that an earlier process left behind in this folder, if there is one. Answers with its process id.
 * Throws `in_use` when the process it belongs to still runs.
 */
export async function stopLeftBehindPostgres(
  dataDir: string,
  clock: Clock = systemClock,
): Promise<number | undefined> {
  if (!existsSync(dataDir)) return undefined;
  const lock = lockFolder(dataDir);
  try {
    const { data } = readServerRecord(dataDir);
    const pid = data === undefined ? undefined : readPostmasterFile(data)?.pid;
    if (data === undefined || pid === undefined || !isPostmasterOf(pid, data)) return undefined;
    await stopServer(pid, { placement: { data }, clock });
    return pid;
  } finally {
    lock.release();
  }
}

async function openServer(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { logger, clock = systemClock } = options;
  const dataDir = realpathSync(options.dataDir);
  const logFile = options.logFile ?? join(dataDir, 'postgresql.log');
  const save = (record: ServerRecord): void => saveServerRecord(dataDir, record);
  const { record, placement } = await prepare(dataDir, options, save);
  const context = { placement, logFile, clock };

  const found = await adoptLeftover({ ...context, password: record.password, port: options.port, logger });
  const server =
    found ?? (await startAnywhere(options.port ?? record.port, options.port === undefined, context));
  const address = { port: server.port, password: record.password };
  save(Object.assign(record, { port: server.port }));
  await closeSystemDatabases(address);

  const trimming = setInterval(() => trimLog(logFile), TRIM_EVERY_MS).unref();
  const keeper = keepRunning({
    server,
    restart: async () =>
      (await adoptLeftover({ ...context, ...address, logger })) ?? startServer(server.port, context),
    end: ({ pid }) => stopServer(pid, context),
    logger,
    clock,
  });
  return {
    host: HOST,
    port: server.port,
    adminUrl: adminUrl(address),
    ...(found && { adoptedFrom: found.pid }),
    createDatabase: (request) => createDatabase(request, { address, record, save }),
    stop: async () => {
      clearInterval(trimming);
      await keeper.stop();
    },
  };
}

interface Prepared {
  record: ServerRecord;
  placement: Placement;
}

async function prepare(
  dataDir: string,
  { logger, systemFolder }: EmbeddedPostgresOptions,
  save: (record: ServerRecord) => void,
): Promise<Prepared> {
  requireBothOrNone(dataDir);
  const record = readServerRecord(dataDir);
  const installed = installedBinaries();
  const placement = place({ dataDir, knownData: record.data, installed, systemFolder });
  save(record); // The password must survive the cluster that is made with it.
  const made = await ensureCluster(placement, record.password);
  if (made === 'created')
    logger.info('made a new database', { folder: placement.data, uid: placement.user?.uid });
  if (record.data === undefined) save(Object.assign(record, { data: placement.data }));
  return { record, placement };
}

/** Data without their passwords are of no use, and passwords without their data mean that a disk is missing. */
function requireBothOrNone(dataDir: string): void {
  const isThere = (data: string): boolean => existsSync(join(data, 'PG_VERSION'));
  const { data } = readServerRecord(dataDir);
  if (data !== undefined && !isThere(data)) {
    throw new EmbeddedPostgresError(
      'damaged',
      `The database of ${dataDir} should be in ${data} and is not: bring that folder back, or delete ${dataDir} to begin empty.`,
    );
  }
  if (!hasServerRecord(dataDir) && isThere(join(dataDir, 'cluster'))) {
    throw new EmbeddedPostgresError(
      'damaged',
      `${dataDir} holds a database but not the server.json with its passwords: bring that file back, or delete ${dataDir} to begin empty.`,
    );
  }
}

/** The sessions of a server that was killed end as soon as they notice; a statement may keep them for a while. */
const SESSIONS_END_WITHIN_MS = 15_000;
const LOOK_EVERY_MS = 200;

/**
 * Between finding a port free and taking it another program may be faster: then the next one is tried. Sessions of a server
 * that was killed are waited for.
 */
async function startAnywhere(
  wanted: number | undefined,
  mayChange: boolean,
  context: ServerContext,
): Promise<ServerProcess> {
  const deadline = context.clock.monotonic() + SESSIONS_END_WITHIN_MS;
  let port = wanted !== undefined && (!mayChange || (await isPortFree(wanted))) ? wanted : await freePort();
  for (;;) {
    try {
      return await startServer(port, context);
    } catch (error) {
      const { problem } = error as Partial<EmbeddedPostgresError>;
      const isWorthwhile = problem === 'in_use' || (problem === 'port_busy' && mayChange);
      if (!isWorthwhile || context.clock.monotonic() >= deadline) throw error;
      if (problem === 'port_busy') port = await freePort();
      await context.clock.sleep(LOOK_EVERY_MS);
    }
  }
}

function once(action: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= action());
}
