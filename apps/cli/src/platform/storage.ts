import type { EmbeddedPostgres } from '@longshore/embedded-postgres';
import { startEmbeddedPostgres } from '@longshore/embedded-postgres';
import type { Logger } from '@longshore/runtime';
import { join } from 'node:path';
import type { PlatformSettings } from './settings.ts';

/** Where truth and broker are, and the process id of the embedded server, if it is used. */
export interface Storage {
  readonly databaseUrl: string;
  readonly brokerUrl: string;
  /** Ends what was started for it. */
  stop(): Promise<void>;
}

/** Uses the database and the broker of the settings, and the embedded PostgreSQL in place of each that is missing. */
export async function openStorage(settings: PlatformSettings, logger: Logger): Promise<Storage> {
  const { databaseUrl, brokerUrl, home } = settings;
  if (databaseUrl !== undefined && brokerUrl !== undefined)
    return { databaseUrl, brokerUrl, stop: async () => undefined };
  const server = await startEmbeddedPostgres({
    dataDir: home.postgres,
    logFile: join(home.logs, 'postgresql.log'),
    logger: logger.child({ part: 'postgresql' }),
  });
  try {
    return { ...(await databasesOf(server, settings)), stop: () => server.stop() };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Two databases, and for workers a role that can open the broker's alone. */
async function databasesOf(server: EmbeddedPostgres, { databaseUrl, brokerUrl }: PlatformSettings) {
  return {
    databaseUrl: databaseUrl ?? (await server.createDatabase({ name: 'longshore', role: 'longshore' })),
    brokerUrl: brokerUrl ?? (await server.createDatabase({ name: 'broker', role: 'longshore_broker' })),
  };
}
