import { type CoreWorkerName, coreWorkerNames } from '@longshore/contracts';
import { type Lifecycle, runProcess } from '@longshore/runtime';
import { type Command, Option } from 'commander';
import { duration } from '../output/duration.ts';
import { createPlatformLogger } from '../output/platform-logger.ts';
import type { Terminal } from '../output/terminal.ts';
import { loadSettings, type PlatformSettings } from '../platform/settings.ts';
import { type Platform, startPlatform } from '../platform/start-platform.ts';

interface UpFlags {
  json?: true;
  without: CoreWorkerName[];
}

const EXAMPLES = `
Examples:
  longshore up                                   everything, on http://127.0.0.1:8000
  PORT=9000 LONGSHORE_HOME=/srv/x longshore up   on another port, with its data elsewhere
  longshore up --without file-processing         then: nx serve file-processing
  BROKER_URL=redis://127.0.0.1 longshore up      deliver through Redis
  longshore up --json                            one line of JSON once it is ready`;

/** Adds `longshore up`. */
export function addUp(program: Command, terminal: Terminal): void {
  const without = new Option('--without <worker>', 'leave a worker to somebody else; may be repeated')
    .choices(coreWorkerNames)
    .argParser((value: string, before: CoreWorkerName[]) => [...before, checked(value)])
    .default([], 'none');
  program
    .command('up')
    .summary('start the whole platform')
    .description('Starts database, backend and workers, and keeps them running until Ctrl-C or "longshore down".')
    .addOption(without)
    .option('--json', 'when ready, print one line of JSON and nothing else on standard output')
    .addHelpText('after', EXAMPLES)
    .action((flags: UpFlags) => up(flags, terminal));
}

function checked(value: string): CoreWorkerName {
  const name = coreWorkerNames.find((worker) => worker === value);
  if (name === undefined) throw new InvalidArgumentError(`Allowed: ${coreWorkerNames.join(', ')}.`);
  return name;
}

async function up(flags: UpFlags, terminal: Terminal): Promise<void> {
  await runProcess(() => {
    const settings = loadSettings(coreWorkerNames.filter((name) => !flags.without.includes(name)));
    return {
      name: 'longshore up',
      logger: createPlatformLogger({ dir: settings.home.logs, level: settings.logLevel, tell: terminal.err }),
      graceMs: stopWithinMs(settings),
      start: (lifecycle) => start(lifecycle, { flags, settings, terminal }),
    };
  });
}
