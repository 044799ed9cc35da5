import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { coreWorkers } from '@longshore/contracts';
import { loadConfig, tracingKeys } from '@longshore/runtime';
import type { ConcurrencyBounds, LogLevel, PortChoice, TracingConfig } from '@longshore/runtime';
import { loadOwnVariables } from './own-variables.ts';

/** What a worker process is told. */
export interface WorkerConfig {
  /** What this process is called among those of its worker. */
  readonly instance: string;
  /** WORKER_NAME. */
  readonly givenName: string | undefined;
  /** The name of its log file. */
  readonly logName: string;
  readonly queues: readonly string[];
  /** Runs at once at most. */
  readonly concurrency: number;
  /** Runs at once to begin with and when idle: the same number when it is not to move. */
  readonly minConcurrency: number;
  /** Processes to be run. */
  readonly count: number;
  /** Which of them this is, from 1; undefined when it is the only one, or the one that runs them. */
  readonly index: number | undefined;
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
  readonly tracing: TracingConfig;
  /** The folder of the platform on this machine, if there is one. */
  readonly home: string;
}

export interface WorkerDefaults {
  readonly name: string;
  readonly defaultConcurrency: number;
  /** With how many it begins, and to how many it comes back when idle. Default: `defaultConcurrency`, and that never moves. */
  readonly defaultMinConcurrency?: number;
  readonly defaultHealthPort: number;
  /** Default: those of the core worker of this name, else one queue that is called like the worker. */
  readonly defaultQueues?: readonly string[];
}

export interface ConfigSources {
  /** Goes before the files. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Which of the two the command line chose. */
  readonly chose?: 'concurrency' | 'autoscale';
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
  ...(['taskGroups', 'taskFolders', 'workerCount', 'workerIndex'] as const),
  ...tracingKeys,
] as const;

/** The queues that a worker serves when nobody says otherwise. */
export function queuesOf({ name, defaultQueues }: WorkerDefaults): readonly string[] {
  const core: Readonly<Record<string, { readonly queues: readonly string[] }>> = coreWorkers;
  return defaultQueues ?? (Object.hasOwn(core, name) ? core[name]?.queues : undefined) ?? [name];
}

/** Reads the configuration of a worker. @throws {ConfigError} with every problem */
export function loadWorkerConfig(defaults: WorkerDefaults, given: ConfigSources): WorkerConfig {
  const { env, cwd } = given;
  const { name } = defaults;
  const sources = { env, cwd, envFiles: envFiles(name, { env, cwd }) };
  const config = loadConfig(KEYS, sources);
  const own = loadOwnVariables(name, sources);
  const queues = chosenQueues(config.taskQueues, config.queueName, queuesOf(defaults));
  return Object.freeze({
    ...namesOf(name, config.workerName, config.workerIndex),
    givenName: config.workerName,
    ...{ queues, count: config.workerCount, index: config.workerIndex },
    ...slotsOf(defaults, { fixed: config.workerConcurrency, bounds: own.autoscale, chose: given.chose }),
    healthPort: own.healthPort ?? { value: defaults.defaultHealthPort, explicit: false },
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
    tracing: config,
    home: homeFolder({ env, cwd }),
  });
}

/** What a process and its log file are called. Those of one log file must not be two. */
function namesOf(worker: string, given: string | undefined, index: number | undefined) {
  if (index !== undefined) {
    return { instance: numberedName(given, index), logName: `${given ?? worker}-${index}` };
  }
  return {
    instance: given ?? `${worker}-${hostname()}-${process.pid}`.slice(0, 100),
    logName: given ?? worker,
  };
}

/** The name of one of several processes: `worker-<hostname>-<i>`, or what the operator called them in place of the first two. */
export function numberedName(given: string | undefined, index: number): string {
  return `${(given ?? `worker-${hostname()}`).slice(0, 97)}-${index}`;
}

interface ChosenSlots {
  fixed: number | undefined;
  bounds: ConcurrencyBounds | undefined;
  chose: ConfigSources['chose'];
}

/** The command line first; then bounds, which name this worker, before a number, which may be meant for all. */
function slotsOf(
  { defaultConcurrency, defaultMinConcurrency = defaultConcurrency }: WorkerDefaults,
  { fixed, bounds, chose }: ChosenSlots,
): Pick<WorkerConfig, 'concurrency' | 'minConcurrency'> {
  if (bounds !== undefined && chose !== 'concurrency')
    return { concurrency: bounds.max, minConcurrency: bounds.min };
  if (fixed !== undefined) return { concurrency: fixed, minConcurrency: fixed };
  return { concurrency: defaultConcurrency, minConcurrency: defaultMinConcurrency };
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
