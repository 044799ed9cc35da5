import { type CoreWorkerName, coreWorkerNames, RELEASE } from '@longshore/contracts';
import {
  ConfigError,
  createHealthServer,
  createLogger,
  createMetrics,
  misspeltVariables,
  createStopSteps,
  runProcess,
} from '@longshore/runtime';
import type { Lifecycle, RootLogger, RunOptions } from '@longshore/runtime';
import { coreWorker } from './core-worker.ts';
import { parseFlags } from './flags.ts';
import { hardLimitHost } from './hard-limit-host.ts';
import { mergeMetrics } from './merge-metrics.ts';
import { autoscaleVariable, healthPortVariable } from './own-variables.ts';
import { packedHealth } from './packed-health.ts';
import type { PackedMember } from './packed-health.ts';
import { packedHelp } from './packed-help.ts';
import { startSideBySide } from './start-side-by-side.ts';
import { restWhenIdle, settleHeap } from './settle-heap.ts';
import type { StartOptions, WorkerSpec } from './start-worker.ts';
import { startWorker } from './start-worker.ts';
import type { WorkerConfig } from './worker-config.ts';
import { loadWorkerConfig } from './worker-config.ts';

export interface PackedOptions {
  /** The worker of this kind. */
  readonly load: (kind: CoreWorkerName) => Promise<WorkerSpec>;
}

/**
 * The whole life of a process that is several kinds of worker at once, those that its command line names: each with a session, a key, queues
 * and slots of its own, and one health server for all. Told to stop, all take nothing new, and stop side by side on one deadline. Task files
 * are not loaded here: what others wrote runs in processes that hold nobody else's work.
 */
export async function runPacked({ load }: PackedOptions): Promise<void> {
  const { host, onHardLimit } = hardLimitHost();
  const options = (): RunOptions | string => {
    const argv = process.argv.slice(2);
    const answer = packedAnswer(argv);
    if (answer !== undefined) return answer;
    const kinds = packedKinds(argv, process.env, process.cwd());
    const { config } = kinds[0]!;
    const logger = loggerOf('packed', config);
    misspeltVariables().forEach((sentence) => logger.warn(sentence));
    return {
      ...{ name: 'packed', logger, parentPipe: config.parentPipe, graceMs: config.shutdownGraceMs },
      start: (lifecycle) => startPacked({ kinds, load, logger, lifecycle, onHardLimit }),
    };
  };
  await runProcess(options, host);
}

/** A kind of worker, and what it is told. */
export interface PackedKind {
  readonly kind: CoreWorkerName;
  readonly config: WorkerConfig;
}

/** The text that answers --help and --version. @throws {ConfigError} */
function packedAnswer(argv: readonly string[]): string | undefined {
  const { help, version } = parseFlags(partsOf(argv).flags, { healthPort: '', autoscale: '' });
  if (help) return packedHelp();
  return version ? `${RELEASE}\n` : undefined;
}

function partsOf(argv: readonly string[]) {
  const flagsFrom = argv.findIndex((arg) => arg.startsWith('-'));
  const words = flagsFrom < 0 ? argv : argv.slice(0, flagsFrom);
  return { words, flags: argv.slice(words.length) };
}

/** What the command line says and each of the kinds reads. @throws {ConfigError} */
export function packedKinds(argv: readonly string[], env: NodeJS.ProcessEnv, cwd: string): PackedKind[] {
  const { words, flags } = partsOf(argv);
  const kinds = coreWorkerNames.filter((kind) => words.length === 0 || words.includes(kind));
  const unknown = words.filter((word) => !coreWorkerNames.some((kind) => kind === word));
  if (unknown.length > 0)
    throw wrong('The command line', `names no worker: ${unknown.join(', ')}`, coreWorkerNames.join(', '));
  return kinds.map((kind) => ({ kind, config: configOf(kind, kinds.length, { flags, env, cwd }) }));
}

interface Sources {
  readonly flags: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

const KEY_FILE = 'INTERNAL_SERVICE_API_KEY_FILE';

function configOf(kind: CoreWorkerName, among: number, { flags, env: given, cwd }: Sources): WorkerConfig {
  const own = { healthPort: healthPortVariable(kind), autoscale: autoscaleVariable(kind) };
  const { chose, env: said } = parseFlags(flags, own);
  if (said['TASK_QUEUES'] !== undefined && among > 1)
    throw wrong('The command line', 'has -q', 'queues of one worker alone');
  const env = { ...given, ...said };
  // Each has a key of its own: `<worker>` in the name of its file stands for the worker.
  if (env[KEY_FILE] !== undefined) env[KEY_FILE] = env[KEY_FILE].replaceAll('<worker>', kind);
  const config = loadWorkerConfig(coreWorker(kind), { env, cwd, ...(chose && { chose }) });
  if (config.count > 1) throw wrong('WORKER_COUNT', `is ${config.count}`, '1 where workers are packed');
  if (kind === 'general' && config.taskFolders.length > 0)
    throw wrong('TASKS_DIR', 'names task files', 'nothing where general is packed: run general by itself');
  return config;
}

function wrong(name: string, problem: string, allowed: string): ConfigError {
  return new ConfigError([{ name, problem, allowed }]);
}

function loggerOf(worker: string, { logLevel: level, logDir: dir, parentPipe }: WorkerConfig): RootLogger {
  // A platform that keeps us running reads the files; one line is enough for one event.
  return createLogger({ worker, level, dir, ...(parentPipe && dir !== undefined && { destination: null }) });
}

interface Packed extends PackedOptions, Pick<StartOptions, 'lifecycle' | 'onHardLimit'> {
  readonly kinds: readonly PackedKind[];
  readonly logger: RootLogger;
}

async function startPacked({ kinds, load, logger, lifecycle, onHardLimit }: Packed): Promise<void> {
  const members = kinds.map(({ kind, config }) => memberOf(kind, config, lifecycle));
  lifecycle.onStop('logs', async () => void (await Promise.all(members.map((one) => one.logger.close()))));
  const { host, healthPort } = kinds[0]!.config;
  const own = createMetrics({ worker: 'packed' });
  const text = async () =>
    mergeMetrics(await Promise.all([own, ...members.map(metricsOf)].map((m) => m.text())));
  const server = await createHealthServer({
    ...{ worker: 'packed', host, port: healthPort, logger },
    checks: packedHealth(members),
    metrics: { text, contentType: own.contentType },
  });
  lifecycle.onStop('health server', () => server.close());
  lifecycle.onStop('workers', (deadline) => stopAll(members, deadline));
  logger.info(`Starting ${kinds.map(({ kind }) => kind).join(', ')} in one process`);
  await startSideBySide(members, lifecycle.signal, async (member) => {
    const expose: StartOptions['expose'] = async (checks) => {
      member.checks = checks;
      return { port: server.port };
    };
    const { config, logger: its, metrics, branch } = member;
    const spec = await load(member.kind);
    await startWorker({ spec, config, logger: its, metrics, expose, lifecycle: branch, onHardLimit });
  });
  settleHeap({ grows: false });
  restWhenIdle({ checks: packedHealth(members), lifecycle });
}

interface Member extends PackedMember {
  readonly kind: CoreWorkerName;
  readonly config: WorkerConfig;
  readonly logger: RootLogger;
  readonly metrics: ReturnType<typeof createMetrics>;
  readonly branch: Lifecycle;
  readonly stop: (deadline: AbortSignal) => Promise<boolean>;
  checks: PackedMember['checks'];
}

const metricsOf = ({ metrics }: Member) => metrics;

/** A kind stops by steps of its own, beside the others: none waits until those before it have drained. */
function memberOf(kind: CoreWorkerName, config: WorkerConfig, lifecycle: Lifecycle): Member {
  const logger = loggerOf(config.logName, config);
  const steps = createStopSteps(logger);
  const branch: Lifecycle = {
    get stopping() {
      return lifecycle.stopping;
    },
    signal: lifecycle.signal,
    onStop: steps.add,
    fail: lifecycle.fail,
  };
  const metrics = createMetrics({ worker: kind }, { ofProcess: false });
  return {
    kind,
    config,
    logger,
    metrics,
    branch,
    stop: (deadline) => steps.run(deadline),
    checks: undefined,
  };
}

async function stopAll(members: readonly Member[], deadline: AbortSignal): Promise<void> {
  const went = await Promise.all(members.map(({ stop }) => stop(deadline)));
  const failed = members.filter((_, index) => went[index] === false);
  if (failed.length > 0) throw new Error(`${failed.map(({ kind }) => kind).join(', ')} did not stop well`);
}
