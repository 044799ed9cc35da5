import { type CoreWorkerName } from '@longshore/contracts';
import {
  type ConfigKey,
  type LogLevel,
  type ProcessName,
  type Variable,
  variables,
} from '@longshore/runtime';
import { CliError } from '../cli-error.ts';
import { configure, withAbsolutePaths } from '../home/configuration.ts';
import { type Home, homeAt } from '../home/home.ts';
import { refuseForeignQueues } from './general-queues.ts';

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

const OWN = [
  ...(['longshoreHome', 'host', 'port', 'storageDir', 'logLevel', 'shutdownGraceMs'] as const),
  ...(['databaseUrl', 'brokerUrl'] as const),
] as const;

/** What is missing of these is made here. */
const MADE_HERE = ['databaseUrl', 'brokerUrl'] as const;

/** Set here for each child, whatever the environment says. */
const SET_FOR_CHILDREN: readonly ConfigKey[] = [
  ...(['internalServiceApiKey', 'internalApiBaseUrl', 'parentPipe', 'bootstrapFile', 'logDir'] as const),
];

/** What the backend and these workers read. Each would refuse to start, one after the other, with something wrong in it. */
function ofChildren(workers: readonly CoreWorkerName[]): ConfigKey[] {
  const children: readonly ProcessName[] = [
    'backend',
    ...(workers.length > 0 ? ['worker' as const] : []),
    ...workers,
  ];
  const all = Object.entries(variables) as [ConfigKey, Variable][];
  const read = all.filter(
    ([key, { readBy }]) =>
      ![...OWN, ...SET_FOR_CHILDREN].includes(key) && readBy.some((name) => children.includes(name)),
  );
  return read.map(([key]) => key);
}

/** Reads the settings from the environment, and checks those of all that is started too. Throws ConfigError or CliError for what cannot be used. */
export function loadSettings(workers: readonly CoreWorkerName[], env = process.env): PlatformSettings {
  const config = configure([...OWN, ...ofChildren(workers)], { env, optional: MADE_HERE });
  if (config.databaseUrl !== undefined && config.brokerUrl === undefined) {
    throw new CliError(
      'DATABASE_URL is set and BROKER_URL is not: name a broker too, redis:// or postgres:// with a database of its own, ' +
        'for workers must not be able to open the database of the truth.',
    );
  }
  if (workers.length > 0) refuseForeignQueues(config, workers);
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
    env: withAbsolutePaths(env, process.cwd()),
  };
}
