import { existsSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { restoreBackup } from '../backup/restore-backup.ts';
import { resolve } from 'node:path';
import { configure } from '../home/configuration.ts';
import { homeAt } from '../home/home.ts';
import type { Terminal } from '../output/terminal.ts';

const EXAMPLES = `
Examples:
  longshore restore /backups/monday.tar.zst --home /srv/restored
  longshore restore /backups/monday.tar.zst --home /srv/restored --json
  LONGSHORE_HOME=/srv/restored longshore up`;

/** Adds `longshore restore`. */
export function addRestore(program: Command, terminal: Terminal): void {
  program
    .command('restore')
    .summary('put a backup into an empty home')
    .description(
      'Puts what "longshore backup" wrote into an empty home, from which "longshore up" then starts it. Executions, results and ' +
        'keys are as they were; what had been accepted and not ended goes on.',
    )
    .argument('<file>', 'the backup')
    .option('--home <folder>', 'home to restore into (default: LONGSHORE_HOME); must be empty')
    .option('--json', 'print what was restored as JSON')
    .addHelpText('after', EXAMPLES)
    .action((file: string, flags: RestoreFlags) => restore(file, flags, terminal));
}

interface RestoreFlags {
  readonly home?: string;
  readonly json?: true;
}

async function restore(given: string, { home, json }: RestoreFlags, terminal: Terminal): Promise<void> {
  const env = { ...process.env, ...(home !== undefined && { LONGSHORE_HOME: home }) };
  const config = configure(['longshoreHome', 'storageDir'], { env });
  const file = resolve(given);
  const size = existsSync(file) ? statSync(file).size : 0;
  const {
    release,
    created_at: createdAt,
    keys_elsewhere: keysElsewhere,
  } = await restoreBackup({
    file,
    home: homeAt(config.longshoreHome),
    storageDir: config.storageDir,
    onProgress: (bytes) => terminal.status(`${Math.floor((100 * bytes) / size)} % restored`),
  });
  const folder = config.longshoreHome;
  if (json) {
    const restored = { file, home: folder, release, created_at: createdAt, keys_elsewhere: keysElsewhere };
    return terminal.out(JSON.stringify(restored));
  }
  terminal.out(`Restored the backup of ${createdAt} (release ${release}) into ${folder}.`);
  terminal.out(`Start it with LONGSHORE_HOME=${folder} longshore up. The keys are those of the backup.`);
  if (keysElsewhere)
    terminal.out(
      'Set ENCRYPTION_KEYS as it was there: the keys that open stored secrets are not in the backup.',
    );
  terminal.out('Do not run it beside the platform it was made from: both would work on the same executions.');
}
