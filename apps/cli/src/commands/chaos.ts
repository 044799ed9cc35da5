import { randomInt } from 'node:crypto';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type FaultKind, faultKinds } from '../chaos/fault.ts';
import { hasRedis } from '../chaos/redis.ts';
import { reportLines } from '../chaos/report.ts';
import { type ChaosResult, runChaos } from '../chaos/run-chaos.ts';
import { summarise } from '../chaos/summary.ts';
import { CliError, usageError } from '../cli-error.ts';
import { keepDemoHome, makeDemoHome, removeDemoHome, sweepDemoHomes } from '../demo/demo-home.ts';
import type { Home } from '../home/home.ts';
import { holdHome } from '../home/hold-home.ts';
import { createPlatformLogger } from '../output/platform-logger.ts';
import type { Terminal } from '../output/terminal.ts';
import { DURATION, secondsFrom } from './duration-option.ts';

interface ChaosFlags {
  /** Milliseconds. */
  duration: number;
  seed?: number;
  faults: FaultKind[];
  broker?: 'redis' | 'postgres';
  keep?: true;
  json?: true;
}

const EXAMPLES = `
Examples:
  longshore chaos                                a minute of every kind of fault
  longshore chaos --duration 10m --broker postgres
  longshore chaos --faults kill,freeze           only what happens to processes
  longshore chaos --seed 4711                    the same faults at the same moments again
  longshore chaos --json > proof.json

Faults:
  kill      kill -9 of a backend or worker          postgres  the database restarted or crashed
  freeze    stopped for seconds, then going on      network   cut, blackholed or delayed: to backends, database or Redis
  redis     emptied, killed, away for seconds       repeat    messages of the broker delivered once more`;

const PREFIX = 'longshore-chaos-';
const HIGHEST_SEED = 2 ** 32 - 1;

/** Adds `longshore chaos`. */
export function addChaos(program: Command, terminal: Terminal): void {
  program
    .command('chaos')
    .summary('see that nothing is lost or done twice, on a platform that is broken on purpose')
    .description(
      'Starts a platform in a temporary folder on free ports: two backends, two processes of each worker. Clients send it files whose ' +
        'results are known, while its processes, database, broker and network are broken. Then everything that was accepted must have ended, ' +
        'once, with the right result. Exit code 1 when not. Nothing of yours is touched, and nothing is left.',
    )
    .addOption(
      new Option('--duration <time>', `how long faults happen: ${DURATION}`)
        .argParser(milliseconds)
        .default(60_000, '60s'),
    )
    .addOption(
      new Option('--seed <number>', 'repeat the faults of that seed (default: random, printed)').argParser(
        seedOf,
      ),
    )
    .addOption(
      new Option('--faults <kinds>', 'kinds of faults, separated by commas')
        .argParser(kindsOf)
        .default([...faultKinds], 'all'),
    )
    .addOption(
      new Option('--broker <kind>', 'default: redis when redis-server is on the PATH').choices([
        'redis',
        'postgres',
      ]),
    )
    .option(
      '--keep',
      'keep the temporary folder, with logs and database; it is kept anyway after a violation',
    )
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action((flags: ChaosFlags) => chaos(flags, terminal));
}

const LONGEST_S = 86_400;
const milliseconds = (spelled: string) => secondsFrom(1, LONGEST_S)(spelled) * 1000;

function seedOf(text: string): number {
  const seed = Number(text);
  if (/^\d+$/.test(text) && seed <= HIGHEST_SEED) return seed;
  throw new InvalidArgumentError(`Allowed: a whole number from 0 to ${HIGHEST_SEED}.`);
}

function kindsOf(text: string): FaultKind[] {
  return text.split(',').map((word) => {
    const kind = faultKinds.find((one) => one === word.trim());
    if (kind === undefined) throw new InvalidArgumentError(`Allowed: ${faultKinds.join(', ')}.`);
    return kind;
  });
}

async function chaos(flags: ChaosFlags, terminal: Terminal): Promise<void> {
  const seed = flags.seed ?? randomInt(HIGHEST_SEED);
  const broker = await brokerOf(flags);
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => interrupted.abort(new CliError(`It was stopped by ${signal}.`)));
  await sweepDemoHomes(Date.now(), undefined, PREFIX);
  const home = makeDemoHome(PREFIX);
  let isKept = flags.keep === true;
  try {
    terminal.err(`Seed ${seed}, broker ${broker}, in ${home.folder}.`);
    const result = await inHome(home, { flags, seed, broker, terminal, signal: interrupted.signal });
    isKept ||= result.violations.length > 0;
    tell(result, { flags, seed, broker, terminal, home: isKept ? home.folder : null });
  } finally {
    if (isKept) keepDemoHome(home);
    else removeDemoHome(home);
  }
}

/** Without Redis its faults are left out, unless they are all that was asked for. */
async function brokerOf({ broker, faults }: ChaosFlags): Promise<'redis' | 'postgres'> {
  const isThere = broker !== 'postgres' && (await hasRedis());
  if (broker === 'redis' && !isThere)
    throw new CliError('There is no redis-server on the PATH: install Redis, or use --broker postgres.');
  if (!isThere && faults.every((kind) => kind === 'redis'))
    throw usageError('The broker is PostgreSQL, so that there is no Redis to break: choose other --faults.');
  return isThere ? 'redis' : 'postgres';
}

interface Running {
  flags: ChaosFlags;
  seed: number;
  broker: 'redis' | 'postgres';
  terminal: Terminal;
}

async function inHome(home: Home, given: Running & { signal: AbortSignal }): Promise<ChaosResult> {
  const lock = await holdHome(home);
  // Processes die on purpose here: what is said about it goes to the log alone.
  const logger = createPlatformLogger({
    dir: home.logs,
    level: 'info',
    tell: () => undefined,
    tellsWarnings: () => false,
  });
  const { flags, ...rest } = given;
  try {
    return await runChaos({ ...rest, home, durationMs: flags.duration, faults: flags.faults, logger });
  } finally {
    await logger.close();
    lock.release();
  }
}

function tell(
  result: ChaosResult,
  { flags, seed, broker, terminal, home }: Running & { home: string | null },
): void {
  const summary = summarise({ ...result, seed, broker, duration_s: flags.duration / 1_000, home });
  const lines = flags.json ? [JSON.stringify(summary)] : reportLines(summary);
  lines.forEach(terminal.out);
  if (home !== null && summary.violations.length === 0) terminal.err(`Kept: ${home}`);
  if (summary.violations.length > 0) process.exitCode = 1;
}
