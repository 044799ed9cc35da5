import type { Command } from 'commander';
import { settingsSource } from '../home/settings-source.ts';
import type { Terminal } from '../output/terminal.ts';
import { resealSecrets } from '../platform/reseal.ts';
import { loadSettings } from '../platform/settings.ts';

const EXAMPLES = `
Examples:
  longshore reseal                        the platform of this home, whether it runs or not
  LONGSHORE_HOME=/srv/x longshore reseal
  DATABASE_URL=postgres://… BROKER_URL=redis://… ENCRYPTION_KEYS_FILE=keys longshore reseal`;

/** Adds `longshore reseal`. */
export function addReseal(program: Command, terminal: Terminal): void {
  program
    .command('reseal')
    .summary('seal every stored secret by the newest key')
    .description(
      'Seals every stored secret by the first of ENCRYPTION_KEYS (else of encryption.key in the home): the last step before an older key ' +
        'is taken out. Uses the database of this home, or the one that DATABASE_URL names, as its backends do, which may run meanwhile.',
    )
    .option('--json', 'print what was done as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: { json?: true }) => {
      const sealed = await resealSecrets(loadSettings([]), settingsSource().folder);
      const words = `${sealed} ${sealed === 1 ? 'secret was' : 'secrets were'} sealed anew; all are sealed by the first key.`;
      terminal.out(flags.json ? JSON.stringify({ sealed }) : words);
    });
}
