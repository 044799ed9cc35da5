import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type CoreWorkerName, coreWorkerNames } from '@longshore/contracts';
import {
  type ChildSpec,
  type Config,
  type ConfigKey,
  loadConfig,
  sharedHeap,
  type Variable,
  variables,
} from '@longshore/runtime';
import { homeAt } from '../home/home.ts';
import { usageError } from '../cli-error.ts';
import { appArguments, appEntry } from './app-entry.ts';

/** What the command line says about workers. */
export interface WorkerFlags {
  readonly queues?: string;
  readonly concurrency?: string;
  readonly autoscale?: string;
  readonly port?: string;
  readonly logLevel?: string;
  readonly name?: string;
  readonly count?: string;
  readonly packed?: boolean;
}

export interface ProgramSources {
  readonly env: NodeJS.ProcessEnv;
  /** Whose `.env` the workers read. */
  readonly cwd: string;
}

const SHORT: Readonly<Record<string, readonly CoreWorkerName[]>> = {
  api: ['api-deployment'],
  file: ['file-processing'],
  all: coreWorkerNames,
};

/** The words by which workers can be named. */
export const workerWords: readonly string[] = [...coreWorkerNames, ...Object.keys(SHORT)];

/** The workers that these words mean, each once. */
export function workersOf(words: readonly string[]): readonly CoreWorkerName[] {
  const meant = words.flatMap((word) => SHORT[word] ?? coreWorkerNames.filter((name) => name === word));
  return [...new Set(meant)];
}

/** How to start these workers, each in a process of its own that shares the memory of the machine with the others. */
export function workerPrograms(
  workers: readonly CoreWorkerName[],
  flags: WorkerFlags,
  { env, cwd }: ProgramSources,
): ChildSpec[] {
  return workers.map((worker) => ({
    name: worker,
    command: process.execPath,
    // A number on the command line goes before bounds that stand elsewhere, which only the worker itself can know.
    args: [...appArguments(worker), ...(flags.concurrency === undefined ? [] : ['-c', flags.concurrency])],
    env: sharedHeap({ ...env, ...settingsOf(worker, flags), ...keyFile(worker, env) }, workers.length),
    cwd,
  }));
}

/**
 * How to start these workers in one process. A general worker that has task files gets a process of its own beside it: what others wrote
 * shall not end the work of all, nor lie beside the keys of all.
 * @throws {CliError} when each of them was to run in several processes
 */
export function packedPrograms(
  workers: readonly CoreWorkerName[],
  flags: WorkerFlags,
  sources: ProgramSources,
): ChildSpec[] {
  const alone = workers.filter((worker) => worker === 'general' && hasTaskFiles(sources));
  const packed = workers.filter((worker) => !alone.includes(worker));
  if (packed.length < 2) return workerPrograms(workers, flags, sources);
  const { env, cwd } = sources;
  const { workerCount } = loadConfig(['workerCount'], { env, cwd, envFiles: envFilesOf('packed', env, cwd) });
  if (workerCount > 1)
    throw usageError(
      `WORKER_COUNT is ${workerCount}, and packed workers are one process: leave out either that or --packed.`,
    );
  const given = { '-c': flags.concurrency, '--autoscale': flags.autoscale, '-l': flags.logLevel };
  const args = Object.entries(given).flatMap(([flag, value]) => (value === undefined ? [] : [flag, value]));
  const command = process.execPath;
  const pack = { name: 'packed', command, args: [appEntry('packed'), ...packed, ...args], cwd };
  const among = 1 + alone.length;
  return [
    { ...pack, env: sharedHeap(env, among) },
    ...workerPrograms(alone, flags, { env: sharedHeap(env, among), cwd }),
  ];
}

function hasTaskFiles({ env, cwd }: ProgramSources): boolean {
  const envFiles = envFilesOf('general', env, cwd);
  return loadConfig(['taskFolders'], { env, cwd, envFiles }).taskFolders.length > 0;
}

function settingsOf(worker: CoreWorkerName, flags: WorkerFlags): NodeJS.ProcessEnv {
  const given = {
    TASK_QUEUES: flags.queues,
    WORKER_CONCURRENCY: flags.concurrency,
    [variableOf(worker, '_AUTOSCALE')]: flags.autoscale,
    [variableOf(worker, '_HEALTH_PORT')]: flags.port,
    LOG_LEVEL: flags.logLevel,
    WORKER_NAME: flags.name,
    WORKER_COUNT: flags.count,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function variableOf(worker: CoreWorkerName, ending: string): string {
  const all = Object.values<Variable>(variables);
  const found = all.find(({ env, readBy }) => env.endsWith(ending) && readBy.includes(worker));
  if (found === undefined) throw new TypeError(`There is no variable …${ending} of ${worker}`);
  return found.env;
}

const KEY_FILE = 'INTERNAL_SERVICE_API_KEY_FILE';

/** Each worker has a key of its own: `<worker>` in the name of its file stands for the worker. */
function keyFile(worker: CoreWorkerName, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const file = env[KEY_FILE];
  return file === undefined ? {} : { [KEY_FILE]: file.replaceAll('<worker>', worker) };
}

type WorkerConfig = Config<'shutdownGraceMs' | 'logLevel' | 'logDir' | 'parentPipe'>;

/**
 * Reads all that these workers will read, so that they are started with what they can use or not at all.
 * @throws {ConfigError}
 */
export function checkPrograms(programs: readonly ChildSpec[], cwd: string): WorkerConfig {
  const checked = programs.map(({ name, env = {} }) => {
    const envFiles = envFilesOf(name, env, cwd);
    return loadConfig(keysOf(name as CoreWorkerName), { env, cwd, envFiles });
  });
  return checked[0] as WorkerConfig;
}

/** In the order in which a worker looks at them. */
function envFilesOf(worker: string, env: NodeJS.ProcessEnv, cwd: string): string[] {
  const home = homeAt(env['LONGSHORE_HOME'] || join(cwd, '.longshore'));
  return [join(home.dev, `${worker}.env`), join(cwd, '.env')].filter((file) => existsSync(file));
}

function keysOf(worker: CoreWorkerName): ConfigKey[] {
  const all = Object.entries(variables) as [ConfigKey, Variable][];
  return all
    .filter(([, { readBy }]) => readBy.includes('worker') || readBy.includes(worker))
    .map(([key]) => key);
}
