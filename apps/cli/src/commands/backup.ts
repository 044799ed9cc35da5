import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { silentLogger } from '@longshore/runtime';
import type { Command } from 'commander';
import { makeBackup } from '../backup/make-backup.ts';
import { CliError } from '../cli-error.ts';
import { configure } from '../home/configuration.ts';
import { homeAt } from '../home/home.ts';
import { byteSize } from '../output/byte-size.ts';
import type { Terminal } from '../output/terminal.ts';

const EXAMPLES = `
Examples:
  longshore backup                                longshore-2026-01-31T12-00-00.tar.zst
  longshore backup -o /backups/monday.tar.zst
  LONGSHORE_HOME=/srv/x longshore backup -o /backups/x.tar.gz`;

/** Adds `longshore backup`. */
export function addBackup(program: Command, terminal: Terminal): void {
  program
    .command('backup')
    .summary('write everything of this home into one file')
    .description(
      'Writes database, files and keys of the platform of this home into one compressed file, while it runs or not. ' +
        'Nothing has to be stopped; what is committed when the copy of the database ends is in it.',
    )
    .option('-o, --output <file>', 'file to write, .tar.zst or .tar.gz (default: named after the time)')
    .option('--json', 'print what was written as JSON')
    .addHelpText('after', EXAMPLES)
    .action((flags: BackupFlags) => backup(flags, terminal));
}

interface BackupFlags {
  readonly output?: string;
  readonly json?: true;
}

async function backup({ output, json }: BackupFlags, terminal: Terminal): Promise<void> {
  const config = configure(['longshoreHome', 'storageDir', 'databaseUrl', 'encryptionKeys'], {
    optional: ['databaseUrl'],
  });
  if (config.databaseUrl !== undefined) {
    throw new CliError(
      'DATABASE_URL names a PostgreSQL of your own: back it up with its own tools, then copy STORAGE_DIR; docs/operations.md says how.',
    );
  }
  const file = resolve(
    output ?? `longshore-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.tar.zst`,
  );
  const { entries } = await makeBackup({
    home: homeAt(config.longshoreHome),
    storageDir: config.storageDir,
    keysElsewhere: config.encryptionKeys !== undefined,
    file,
    logger: silentLogger(),
    onProgress: (bytes) => terminal.status(`${byteSize(bytes)} copied`),
  });
  const size = statSync(file).size;
  if (json) return terminal.out(JSON.stringify({ file, size, entries }));
  terminal.out(`Wrote ${file} (${byteSize(size)}, ${entries} files).`);
  terminal.out('It holds the keys and passwords of this platform: keep it as secret as the platform itself.');
  if (config.encryptionKeys !== undefined)
    terminal.out(
      'ENCRYPTION_KEYS are not in it, and nothing opens stored secrets without them: keep them apart from it.',
    );
}
