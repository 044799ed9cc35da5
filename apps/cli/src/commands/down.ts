import { existsSync } from 'node:fs';
import { stopLeftBehindPostgres } from '@longshore/embedded-postgres';
import { type Clock, systemClock } from '@longshore/runtime';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { configure } from '../home/configuration.ts';
import { type Home, homeAt } from '../home/home.ts';
import { isHeld, readEarlierInstance, readInstance } from '../home/instance.ts';
import type { Terminal } from '../output/terminal.ts';
import { awaitLeftovers } from '../platform/leftovers.ts';

const EXAMPLES = `
Examples:
  longshore down
  LONGSHORE_HOME=/srv/x longshore down`;

const LOOK_EVERY_MS = 100;
/** A platform that only begins to start has not written its process id yet. */
const RECORD_WITHIN_MS = 10_000;

/** Adds `longshore down`. */
export function addDown(program: Command, terminal: Terminal): void {
  program
    .command('down')
    .summary('stop the platform of this home')
    .description(
      'Stops what "longshore up" started from this home, as Ctrl-C does there: what runs is finished or given back.',
    )
    .option('--json', 'print what was done as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: { json?: true }) => {
      const config = configure(['longshoreHome', 'shutdownGraceMs']);
      const home = homeAt(config.longshoreHome);
      const { stopped, message } = await stopPlatform(home, {
        graceMs: config.shutdownGraceMs,
        clock: systemClock,
      });
      terminal.out(flags.json ? JSON.stringify({ home: home.folder, stopped, message }) : message);
    });
}

interface Patience {
  graceMs: number;
  clock: Clock;
}

interface Done {
  /** Whether there was something to stop. */
  readonly stopped: boolean;
  readonly message: string;
}

async function stopPlatform(home: Home, patience: Patience): Promise<Done> {
  if (!existsSync(home.folder)) return nothingRuns(home);
  if (!isHeld(home)) return await stopLeftovers(home, patience);
  const pid = await holderOf(home, patience.clock);
  process.kill(pid, 'SIGTERM');
  await untilReleased(home, pid, patience);
  return { stopped: true, message: 'Stopped.' };
}

function nothingRuns(home: Home): Done {
  return { stopped: false, message: `Nothing runs in ${home.folder}.` };
}

/** What outlives a platform that was killed: processes that finish what they do, and the database. */
async function stopLeftovers(home: Home, { graceMs, clock }: Patience): Promise<Done> {
  const earlier = readInstance(home) ?? readEarlierInstance(home);
  if (earlier) await awaitLeftovers(earlier, graceMs + 6_000, clock);
  const database = await stopLeftBehindPostgres(home.postgres, clock);
  return database === undefined
    ? nothingRuns(home)
    : { stopped: true, message: 'Stopped what a killed platform had left.' };
}

/** The process id is true only while the home is held, for its holder wrote it. */
async function holderOf(home: Home, clock: Clock): Promise<number> {
  const deadline = clock.monotonic() + RECORD_WITHIN_MS;
  while (clock.monotonic() < deadline) {
    const pid = readInstance(home)?.pid;
    if (pid !== undefined) return pid;
    await clock.sleep(LOOK_EVERY_MS);
  }
  throw new CliError(`A process holds ${home.folder} and does not say which: look for "longshore" with ps.`);
}

async function untilReleased(home: Home, pid: number, { graceMs, clock }: Patience): Promise<void> {
  const withinMs = 2 * graceMs + 45_000;
  const deadline = clock.monotonic() + withinMs;
  while (isHeld(home)) {
    if (clock.monotonic() >= deadline) {
      throw new CliError(
        `Process ${pid} did not stop within ${withinMs / 1000} s: look into ${home.logs}, or end it by force.`,
      );
    }
    await clock.sleep(LOOK_EVERY_MS);
  }
}
