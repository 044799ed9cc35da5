import {
  type ChildSpec,
  createLogger,
  createSupervisor,
  type Lifecycle,
  runProcess,
} from '@longshore/runtime';
import { Argument, type Command } from 'commander';
import { usageError } from '../cli-error.ts';
import { withAbsolutePaths } from '../home/configuration.ts';
import { type SettingsSource, settingsSource } from '../home/settings-source.ts';
import type { Terminal } from '../output/terminal.ts';
import { inOptions } from '../platform/worker-flags-error.ts';
import { refusalHost } from '../platform/worker-refusal.ts';
import {
  checkPrograms,
  packedPrograms,
  type WorkerFlags,
  workerPrograms,
  workersOf,
  workerWords,
} from '../platform/worker-program.ts';

const EXAMPLES = `
Examples:
  longshore worker general -c 8 -q general,default   one worker, as its own program would be started
  longshore worker api general                       two of them, each in a process of its own
  longshore worker all --packed                      all four in one process, for a small machine
  longshore worker all --count 2                     two processes of each, with one health server for each two`;

/** Adds `longshore worker`. */
export function addWorker(program: Command, terminal: Terminal): void {
  program
    .command('worker')
    .summary('run workers beside "longshore up", or a backend elsewhere')
    .description(
      'Runs each of these workers in a process of its own (or all in one), starts again those that die, and stops them in order. They read ' +
        'BROKER_URL, INTERNAL_API_BASE_URL and INTERNAL_SERVICE_API_KEY_FILE, in which <worker> stands for the name of each. Beside a running ' +
        '"longshore up" they need none of these: they take what stands in its home (LONGSHORE_HOME, else .longshore here), a key for their usual queues included. ' +
        'A worker whose key does not cover it or its queues ends the command, with exit code 4.',
    )
    .addArgument(new Argument('<workers...>', 'which of them; api and file are short').choices(workerWords))
    .option('-q, --queues <names>', 'queues to drain, strictly in this order (of one worker alone)')
    .option('-c, --concurrency <number>', 'runs at once of each process')
    .option('--autoscale <max,min>', 'runs at once of each process while work waits, and when idle')
    .option('-p, --port <port>', 'port of the health server (of one worker alone)')
    .option('-l, --log-level <level>', 'DEBUG, INFO, WARNING or ERROR')
    .option('-n, --name <name>', 'name of the process (of one worker alone)')
    .option('--count <number>', 'processes of each worker, 1 to 20')
    .option('--packed', 'all of them in one process: less memory, but they share their fate')
    .option('--json', 'what it prints is one JSON object a line, with this option or without')
    .addHelpText('after', EXAMPLES)
    .action((words: string[], flags: WorkerFlags) => runWorkers(words, flags, terminal));
}

const OF_ONE_ALONE = ['queues', 'port', 'name'] as const;

async function runWorkers(words: readonly string[], flags: WorkerFlags, terminal: Terminal): Promise<void> {
  const workers = workersOf(words);
  const several = workers.length > 1 ? OF_ONE_ALONE.find((flag) => flags[flag] !== undefined) : undefined;
  if (several !== undefined)
    throw usageError(`--${several} is for one worker alone: start the others without it.`);
  if (flags.concurrency !== undefined && flags.autoscale !== undefined)
    throw usageError('Give --concurrency or --autoscale, not both.');
  if (flags.packed === true && flags.count !== undefined)
    throw usageError('Give --packed or --count: packed workers are one process.');
  const source = settingsSource();
  const cwd = source.folder;
  const env = withAbsolutePaths(process.env, process.cwd());
  const sources = { env, cwd };
  const separate = workerPrograms(workers, flags, sources);
  // Whether packed or not, each reads the same.
  const config = checked(separate, flags, cwd);
  const programs = flags.packed === true ? packedPrograms(workers, flags, sources) : separate;
  await supervise(programs, { config, source, terminal });
}

/** @throws CliError that names the option that is wrong */
function checked(programs: readonly ChildSpec[], flags: WorkerFlags, cwd: string) {
  try {
    return checkPrograms(programs, cwd);
  } catch (error) {
    throw inOptions(error, flags);
  }
}

/** A worker of several processes takes seven seconds beyond its grace at most. */
const HAND_BACK_MS = 8_000;
const KILL_MS = 1_000;

interface Supervision {
  readonly config: ReturnType<typeof checkPrograms>;
  readonly source: SettingsSource;
  readonly terminal: Terminal;
}

async function supervise(
  programs: readonly ChildSpec[],
  { config, source, terminal }: Supervision,
): Promise<void> {
  const logger = createLogger({ worker: 'longshore', level: config.logLevel, dir: config.logDir });
  // Misspelt variables are told by the workers themselves.
  logger.info('settings were read', {
    env_file: source.envFile ?? null,
    task_folders: source.taskFolders,
  });
  const refused = refusalHost();
  const options = {
    name: 'longshore worker',
    logger,
    parentPipe: config.parentPipe,
    graceMs: config.shutdownGraceMs + HAND_BACK_MS,
    handBackMs: KILL_MS,
    start: ({ onStop, fail }: Lifecycle) => {
      const supervisor = createSupervisor({ logger, onEvent: refused.endsWhenRefused(fail) });
      onStop('workers', (deadline) => supervisor.stopAll(deadline));
      for (const program of programs)
        supervisor.add({ ...program, stdout: terminal.out, stderr: terminal.err });
    },
  };
  await runProcess(options, refused.host);
}
