import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { coreWorkers } from '@longshore/contracts';
import { loadConfig, variables } from '@longshore/runtime';
import type { ConfigKey, LogLevel, PortChoice } from '@longshore/runtime';

/** What a worker process is told. */
export interface WorkerConfig {
  /** What this process is called among those of its worker. */
  readonly instance: string;
  /** The name of its log file. */
  readonly logName: string;
  readonly queues: readonly string[];
  readonly concurrency: number;
  readonly healthPort: PortChoice;
  readonly host: string;
  readonly brokerUrl: string;
  readonly baseUrl: string;
  readonly serviceKey: string;
  readonly taskGroups: readonly string[];
  readonly taskFolders: readonly string[];
  readonly logLevel: LogLevel;
  readonly logDir: string | undefined;
  readonly shutdownGraceMs: number;
  readonly parentPipe: boolean;
  /** The folder of the platform on this machine, if there is one. */
  readonly home: string;
}

export interface WorkerDefaults {
  readonly name: string;
  readonly defaultConcurrency: number;
  readonly defaultHealthPort: number;
  /** Default: those of the core worker of this name, else one queue that is called like the worker. */
  readonly defaultQueues?: readonly string[];
}

export interface ConfigSources {
  /** Goes before the files. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

const KEYS = [
  ...(['brokerUrl', 'internalApiBaseUrl', 'internalServiceApiKey', 'host', 'logLevel', 'logDir'] as const),
  ...([
    'shutdownGraceMs',
    'parentPipe',
    'workerName',
    'workerConcurrency',
    'taskQueues',
    'queueName',
  ] as const),
  ...(['taskGroups', 'taskFolders'] as const),
] as const;

/** `FILE_PROCESSING_HEALTH_PORT` for `file-processing`. */
export function healthPortVariable(worker: string): string {
  return `${worker.replace(/[^a-zA-Z0-9]/g, '_').toUpperCase()}_HEALTH_PORT`;
}

/** The queues that a worker serves when nobody says otherwise. */
export function queuesOf({ name, defaultQueues }: WorkerDefaults): readonly string[] {
  const core: Readonly<Record<string, { readonly queues: readonly string[] }>> = coreWorkers;
  return defaultQueues ?? (Object.hasOwn(core, name) ? core[name]?.queues : undefined) ?? [name];
}

/** Reads the configuration of a worker. @throws {ConfigError} with every problem */
export function loadWorkerConfig(defaults: WorkerDefaults, { env, cwd }: ConfigSources): WorkerConfig {
  const { name, defaultConcurrency } = defaults;
  const sources = { env, cwd, envFiles: envFiles(name, { env, cwd }) };
  const config = loadConfig(KEYS, sources);
  const queues = chosenQueues(config.taskQueues, config.queueName, queuesOf(defaults));
  return Object.freeze({
    instance: config.workerName ?? `${name}-${hostname()}-${process.pid}`.slice(0, 100),
    logName: config.workerName ?? name,
    queues,
    concurrency: config.workerConcurrency ?? defaultConcurrency,
    healthPort: healthPort(defaults, sources),
    host: config.host,
    brokerUrl: config.brokerUrl,
    baseUrl: config.internalApiBaseUrl,
    serviceKey: config.internalServiceApiKey,
    taskGroups: config.taskGroups,
    taskFolders: config.taskFolders,
    logLevel: config.logLevel,
    logDir: config.logDir,
    shutdownGraceMs: config.shutdownGraceMs,
    parentPipe: config.parentPipe,
    home: homeFolder({ env, cwd }),
  });
}

/** Those that exist, the development settings first: they know the platform that is meant. */
function envFiles(name: string, sources: ConfigSources): string[] {
  const files = [join(homeFolder(sources), 'dev', `${name}.env`), resolve(sources.cwd, '.env')];
  return files.filter((file) => existsSync(file));
}

function homeFolder({ env, cwd }: ConfigSources): string {
  return resolve(cwd, env['LONGSHORE_HOME'] || '.longshore');
}

function chosenQueues(
  list: readonly string[],
  single: string | undefined,
  fallback: readonly string[],
): readonly string[] {
  const chosen = list.length > 0 ? list : single === undefined ? fallback : [single];
  return [...new Set(chosen)];
}

type HealthPortKey = Extract<ConfigKey, `${string}HealthPort`>;

function healthPort(
  { name, defaultHealthPort }: WorkerDefaults,
  sources: ConfigSources & { envFiles: readonly string[] },
): PortChoice {
  const wanted = healthPortVariable(name);
  const key = (Object.keys(variables) as ConfigKey[]).find((each) => variables[each].env === wanted);
  if (key !== undefined) return loadConfig([key as HealthPortKey], sources)[key as HealthPortKey];
  const given = Number(sources.env[wanted] ?? Number.NaN);
  if (Number.isInteger(given) && given >= 0 && given <= 65_535) return { value: given, explicit: true };
  return { value: defaultHealthPort, explicit: false };
}
