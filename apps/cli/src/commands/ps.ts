import type { Command } from 'commander';
import { configure } from '../home/configuration.ts';
import { type Home, homeAt } from '../home/home.ts';
import { type Instance, readEarlierInstance, readInstance, runningInstance } from '../home/instance.ts';
import { duration } from '../output/duration.ts';
import type { Look } from '../output/look.ts';
import { table } from '../output/table.ts';
import type { Terminal } from '../output/terminal.ts';
import { leftoverProcesses } from '../platform/leftovers.ts';

const EXAMPLES = `
Examples:
  longshore ps
  LONGSHORE_HOME=/srv/x longshore ps --json`;

/** Adds `longshore ps`. */
export function addPs(program: Command, terminal: Terminal): void {
  program
    .command('ps')
    .summary('show what runs from this home')
    .description(
      'Shows the processes of the platform that "longshore up" started from this home (LONGSHORE_HOME).',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action((flags: { json?: true }) => {
      const home = homeAt(configure(['longshoreHome']).longshoreHome);
      const running = runningInstance(home);
      if (flags.json) terminal.out(JSON.stringify(running ?? null));
      else instanceLines(home, running, { now: Date.now(), look: terminal }).forEach(terminal.out);
    });
}

interface Telling {
  /** The wall clock, milliseconds. */
  readonly now: number;
  readonly look: Look;
}

function instanceLines(home: Home, running: Instance | undefined, { now, look }: Telling): string[] {
  if (running === undefined) return idleLines(home);
  const { url, pid, processes, started_at: startedAt } = running;
  const rows = [{ name: 'longshore up', pid }, ...processes].map((one) => [one.name, String(one.pid)]);
  return [
    `${url}, up for ${duration(Math.max(0, now - Date.parse(startedAt)))}`,
    ...table(['PROCESS', 'PID'], rows, look),
  ];
}

function idleLines(home: Home): string[] {
  const left = leftoverProcesses(readInstance(home) ?? readEarlierInstance(home));
  const ending = left.map(({ name, pid }) => `${name} (process ${pid}) is ending: its platform was killed.`);
  return [`Nothing runs in ${home.folder}: "longshore up" starts it.`, ...ending];
}
