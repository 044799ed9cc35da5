import { type CoreWorkerName, coreWorkerNames, routes } from '@longshore/contracts';
import { type Logger, runProcess } from '@longshore/runtime';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { createPlatformClient } from '../client/platform-client.ts';
import { holdHome, refuseHalfRestored } from '../home/hold-home.ts';
import { describeSource, type SettingsSource, settingsSource } from '../home/settings-source.ts';
import { duration } from '../output/duration.ts';
import { createPlatformLogger } from '../output/platform-logger.ts';
import type { Terminal } from '../output/terminal.ts';
import { skippedTaskFiles } from '../platform/skipped-task-files.ts';
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
    .description(
      'Starts database, backend and workers, and keeps them running until Ctrl-C or "longshore down".',
    )
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

const ANSWERS_WITHIN_MS = 10_000;

/** The workers, the backend behind them and the database each need time to end. */
function stopWithinMs({ graceMs }: PlatformSettings): number {
  return 2 * graceMs + 15_000;
}

async function up(flags: UpFlags, terminal: Terminal): Promise<void> {
  const settings = loadSettings(coreWorkerNames.filter((name) => !flags.without.includes(name)));
  const source = settingsSource();
  // What is started reads the same `.env` as this command does.
  process.chdir(source.folder);
  refuseHalfRestored(settings.home);
  const lock = await holdHome(settings.home);
  let isUp = false;
  const logger = createPlatformLogger({
    dir: settings.home.logs,
    level: settings.logLevel,
    tell: terminal.err,
    // Until then one sentence tells why it does not come up; what led there is in the log.
    tellsWarnings: () => isUp,
  });
  noteSource(source, { terminal, logger });
  await runProcess({
    name: 'longshore up',
    logger,
    graceMs: stopWithinMs(settings),
    handBackMs: 25_000,
    start: async ({ signal, onStop }) => {
      onStop('home', () => lock.release());
      const platform = await startPlatform({
        ...{ settings, logger, signal },
        onStep: terminal.status,
        onDelay: terminal.err,
      });
      onStop('platform', async () => {
        terminal.status('stopping');
        await platform.stop();
        terminal.status('');
      });
      isUp = true;
      announce(platform, { flags, settings, source, terminal });
      await tellSkippedTaskFiles(platform, { terminal, logger, signal });
    },
  });
}

function noteSource(
  { envFile, taskFolders, misspelt }: SettingsSource,
  { terminal, logger }: { terminal: Terminal; logger: Logger },
): void {
  logger.info('settings were read', { env_file: envFile ?? null, task_folders: taskFolders });
  for (const sentence of misspelt) {
    logger.warn(sentence);
    terminal.err(sentence);
  }
}

interface Announcement {
  flags: UpFlags;
  settings: PlatformSettings;
  source: SettingsSource;
  terminal: Terminal;
}

function announce(
  { url, credentials, isNew }: Platform,
  { flags, settings, source, terminal }: Announcement,
): void {
  const { organisation, api_key: apiKey, admin_key: adminKey } = credentials;
  if (flags.json) {
    // --json keeps its one line.
    if (source.envFile !== undefined || source.taskFolders.length > 0) terminal.err(describeSource(source));
    terminal.out(
      JSON.stringify({ ready: true, url, org: organisation, api_key: apiKey, admin_key: adminKey }),
    );
    return;
  }
  const { home } = settings;
  const keys = [
    `  organisation  ${organisation}`,
    `  API key       ${apiKey}`,
    `  admin key     ${adminKey}`,
  ];
  const served = flags.without.map((name) => `  ${name} is left to you: nx serve ${name}`);
  const lines = [
    `Longshore is ready at ${url} after ${duration(performance.now())}.`,
    ...(isNew ? ['', ...keys, '', `The keys are kept in ${home.credentials} and not shown again.`] : []),
    ...(isNew ? [] : [`Keys: ${home.credentials}`]),
    describeSource(source),
    `Logs: ${home.logs}`,
    `API: ${url}/docs`,
    ...served,
    'Stop it with Ctrl-C, or with "longshore down" from elsewhere.',
  ];
  lines.forEach(terminal.out);
}

interface TellingContext {
  terminal: Terminal;
  logger: Logger;
  signal: AbortSignal;
}

/** On standard error, so that --json keeps its one line. The platform is up without this being told. */
async function tellSkippedTaskFiles(
  { url, credentials }: Platform,
  { terminal, logger, signal }: TellingContext,
): Promise<void> {
  const client = createPlatformClient({ url, key: credentials.admin_key });
  try {
    const within = AbortSignal.any([signal, AbortSignal.timeout(ANSWERS_WITHIN_MS)]);
    const workers = await client.call(routes.workers, { signal: within });
    for (const sentence of skippedTaskFiles(workers)) terminal.err(sentence);
  } catch (error) {
    logger.info('task files that were skipped are not known', { error });
  }
}
