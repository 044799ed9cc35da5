import { type CoreWorkerName } from '@longshore/contracts';
import { loadConfig, type LogLevel } from '@longshore/runtime';
import { CliError } from '../cli-error.ts';
import { type Home, homeAt } from '../home/home.ts';

/** All that is to be known before a platform is started. */
export interface PlatformSettings {
  readonly home: Home;
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  readonly storageDir: string;
  readonly logLevel: LogLevel;
  /** How long each process may finish what it does, milliseconds. */
  readonly graceMs: number;
  /** Undefined: the embedded PostgreSQL. */
  readonly databaseUrl: string | undefined;
  /** Undefined: the embedded PostgreSQL. */
  readonly brokerUrl: string | undefined;
  /** The workers to start. */
  readonly workers: readonly CoreWorkerName[];
  /** The environment that all processes start from. */
  readonly env: NodeJS.ProcessEnv;
}

/** Reads the settings from the environment. Throws ConfigError or CliError for what cannot be used. */
export function loadSettings(workers: readonly CoreWorkerName[], env = process.env): PlatformSettings {
  const config = loadConfig(
    [
      'longshoreHome',
      'host',
      'port',
      'storageDir',
      'logLevel',
      'shutdownGraceMs',
      'databaseUrl',
      'brokerUrl',
    ],
    { env, optional: ['databaseUrl', 'brokerUrl'] },
  );
  if (config.databaseUrl !== undefined && config.brokerUrl === undefined) {
    throw new CliError(
      'DATABASE_URL is set and BROKER_URL is not: name a broker too, redis:// or postgres:// with a database of its own, ' +
        'for workers must not be able to open the database of the truth.',
    );
  }
  return {
    home: homeAt(config.longshoreHome),
    host: config.host,
    port: config.port,
    storageDir: config.storageDir,
    logLevel: config.logLevel,
    graceMs: config.shutdownGraceMs,
    databaseUrl: config.databaseUrl,
    brokerUrl: config.brokerUrl,
    workers,
    env,
  };
}
