import { RELEASE } from '@longshore/contracts';
import { createLogger, runProcess } from '@longshore/runtime';
import type { ProcessHost, RunOptions } from '@longshore/runtime';
import { besidePlatform } from './beside-platform.ts';
import { helpText, parseFlags } from './flags.ts';
import type { WorkerSpec } from './start-worker.ts';
import { startWorker } from './start-worker.ts';
import { healthPortVariable, loadWorkerConfig, queuesOf } from './worker-config.ts';

/** A run was past its hard limit: the process handed back the others and wants to be started anew. */
export const EXIT_HARD_LIMIT = 86;

/**
 * The whole life of a worker process: configuration, start, work, orderly stop, exit. Every problem of its
 * configuration is told at once. Exits with 0 when it was told to stop, with 86 after a run that had to be abandoned,
 * otherwise with 1.
 */
export async function runWorker(spec: WorkerSpec): Promise<void> {
  let hardLimit = false;
  const host: ProcessHost = {
    events: process,
    stdin: process.stdin,
    writeError: (text) => void process.stderr.write(text),
    exit: (code) => process.exit(hardLimit ? EXIT_HARD_LIMIT : code),
  };
  const options = (): RunOptions => {
    const flags = parseFlags(process.argv.slice(2), healthPortVariable(spec.name));
    if (flags.help) return answer(helpOf(spec));
    if (flags.version) return answer(`${RELEASE}\n`);
    const env = { ...process.env, ...flags.env };
    const config = loadWorkerConfig(spec, { env, cwd: process.cwd() });
    const logger = createLogger({
      worker: config.logName,
      level: config.logLevel,
      dir: config.logDir,
      // A parent that keeps us running reads the file; one line is enough for one event.
      ...(config.parentPipe && config.logDir !== undefined ? { destination: null } : {}),
    });
    // One that the platform started itself is the one that it runs.
    const beside = config.parentPipe ? undefined : besidePlatform(spec.name, config.home);
    if (beside !== undefined) logger.warn(beside);
    return {
      name: config.instance,
      logger,
      graceMs: config.shutdownGraceMs,
      parentPipe: config.parentPipe,
      start: (lifecycle) =>
        startWorker({ spec, config, logger, lifecycle, onHardLimit: () => (hardLimit = true) }),
    };
  };
  await runProcess(options, host);
}

function helpOf(spec: WorkerSpec): string {
  const { name, defaultConcurrency: concurrency, defaultHealthPort: healthPort } = spec;
  return helpText({ name, queues: queuesOf(spec), concurrency, healthPort });
}

function answer(text: string): never {
  process.stdout.write(text);
  process.exit(0);
}
