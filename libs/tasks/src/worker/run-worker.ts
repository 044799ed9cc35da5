import { RELEASE } from '@longshore/contracts';
import { createLogger, createMetrics, misspeltVariables, runProcess } from '@longshore/runtime';
import type { Lifecycle, Logger, RunOptions } from '@longshore/runtime';
import { besidePlatform } from './beside-platform.ts';
import { exposeOnPort, exposeOver } from './expose-health.ts';
import { helpText, parseFlags } from './flags.ts';
import { hardLimitHost } from './hard-limit-host.ts';
import type { StartOptions, WorkerSpec } from './start-worker.ts';
import { startWorker } from './start-worker.ts';
import { autoscaleVariable, healthPortVariable } from './own-variables.ts';
import { restWhenIdle, settleHeap } from './settle-heap.ts';
import { runSeveral } from './several-workers.ts';
import type { WorkerConfig } from './worker-config.ts';
import { loadWorkerConfig, queuesOf } from './worker-config.ts';

/**
 * The whole life of a worker process: configuration, start, work, orderly stop, exit. Every problem of its
 * configuration is told at once. Exits with 0 when it was told to stop, with 86 after a run that had to be abandoned,
 * otherwise with 1.
 */
export async function runWorker(spec: WorkerSpec): Promise<void> {
  const { host, onHardLimit } = hardLimitHost();
  const options = (): RunOptions | string => {
    const own = { healthPort: healthPortVariable(spec.name), autoscale: autoscaleVariable(spec.name) };
    const { chose, ...flags } = parseFlags(process.argv.slice(2), own);
    if (flags.help) return helpOf(spec);
    if (flags.version) return `${RELEASE}\n`;
    const env = { ...process.env, ...flags.env };
    const config = loadWorkerConfig(spec, { env, cwd: process.cwd(), ...(chose && { chose }) });
    const logger = createLogger({
      worker: config.logName,
      process: config.index === undefined ? undefined : config.instance,
      level: config.logLevel,
      dir: config.logDir,
      // A platform that keeps us running reads the file; one line is enough for one event.
      ...(config.parentPipe && config.logDir !== undefined && config.index === undefined
        ? { destination: null }
        : {}),
    });
    // One that the platform started itself is the one that it runs.
    const beside = config.parentPipe ? undefined : besidePlatform(spec.name, config.home);
    if (beside !== undefined) logger.warn(beside);
    // Of several processes the one that runs them tells it.
    if (config.index === undefined) misspeltVariables().forEach((sentence) => logger.warn(sentence));
    const life = { name: config.instance, logger, parentPipe: config.parentPipe };
    if (config.count > 1 && config.index === undefined) {
      return { ...life, ...severalStop(config), start: severalStart({ spec, config, env, logger }) };
    }
    const start = (lifecycle: Lifecycle) => startAlone({ spec, config, logger, lifecycle, onHardLimit });
    return { ...life, graceMs: config.shutdownGraceMs, start };
  };
  await runProcess(options, host);
}

type Alone = Omit<StartOptions, 'metrics' | 'expose'>;

/** The one worker of its process, or one of several of a kind: then it has no health server of its own, and is asked. */
async function startAlone(alone: Alone): Promise<void> {
  const { spec, config } = alone;
  const channel = config.index !== undefined && process.connected ? process : undefined;
  const among = channel === undefined ? {} : { process: config.instance };
  const metrics = createMetrics({ worker: spec.name, ...among });
  const expose =
    channel === undefined ? exposeOnPort({ ...alone, metrics }) : exposeOver(channel, { ...alone, metrics });
  await startWorker({
    ...{ ...alone, metrics },
    expose: (checks) => {
      restWhenIdle({ checks, lifecycle: alone.lifecycle });
      return expose(checks);
    },
  });
  settleHeap({ grows: spec.heapGrows === true });
}

/** Beyond its grace a process has five seconds to give back what is left. */
const HAND_BACK_MS = 6_000;
const KILL_MS = 1_000;

/** Each of them keeps the grace; those that are still there then are killed. */
function severalStop({ shutdownGraceMs }: WorkerConfig): Pick<RunOptions, 'graceMs' | 'handBackMs'> {
  return { graceMs: shutdownGraceMs + HAND_BACK_MS, handBackMs: KILL_MS };
}

interface SeveralStart {
  spec: WorkerSpec;
  config: WorkerConfig;
  env: NodeJS.ProcessEnv;
  logger: Logger;
}

function severalStart({ spec, config, env, logger }: SeveralStart): RunOptions['start'] {
  // The command line went into the environment, and so does what it meant.
  const slots = { [autoscaleVariable(spec.name)]: `${config.concurrency},${config.minConcurrency}` };
  const program = {
    command: process.execPath,
    args: [...process.execArgv, process.argv[1]!],
    env: { ...env, ...slots },
  };
  const writeLine = (line: string): void => void process.stdout.write(`${line}\n`);
  return (lifecycle) => runSeveral({ worker: spec.name, config, program, logger, lifecycle, writeLine });
}

function helpOf(spec: WorkerSpec): string {
  const { name, defaultConcurrency: concurrency, defaultHealthPort: healthPort } = spec;
  const { defaultMinConcurrency: minConcurrency = concurrency } = spec;
  return helpText({ name, queues: queuesOf(spec), concurrency, minConcurrency, healthPort });
}
