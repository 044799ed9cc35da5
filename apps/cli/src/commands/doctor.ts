import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import type { ConnectionFlags } from '../client/connection.ts';
import { examine } from '../doctor/examine.ts';
import { findingLines, verdict } from '../output/finding-lines.ts';
import type { Terminal } from '../output/terminal.ts';
import { addAdminConnection } from './connection-options.ts';

const EXAMPLES = `
Examples:
  longshore doctor                                        this machine, its home, and what runs from it
  longshore doctor --json
  longshore doctor --url https://docs.example.org --admin-key "$KEY"`;

/** Adds `longshore doctor`. */
export function addDoctor(program: Command, terminal: Terminal): void {
  const command = program
    .command('doctor')
    .summary('find out what is wrong, and how to mend it')
    .description(
      'Looks at this machine, the home and the platform: versions, keys, disks, ports, clocks, database, broker, workers, queues and ' +
        'task files. Says of each what is wrong and how to mend it. Exit code 1 when something is wrong. Changes nothing.',
    )
    .option('--json', 'print the findings as JSON')
    .addHelpText('after', EXAMPLES);
  addAdminConnection(command).action(async (flags: ConnectionFlags & { json?: true }) => {
    const findings = await examine(flags);
    const isWrong = findings.some(({ state }) => state === 'wrong');
    const lines = flags.json
      ? [JSON.stringify({ healthy: !isWrong, findings })]
      : findingLines(findings, terminal);
    lines.forEach(terminal.out);
    if (isWrong) throw new CliError(verdict(findings));
    if (!flags.json) terminal.out(verdict(findings));
  });
}
