import { RELEASE } from '@longshore/contracts';
import { Command } from 'commander';
import { addApply } from './commands/apply.ts';
import { addBackup } from './commands/backup.ts';
import { addCancel } from './commands/cancel.ts';
import { addChaos } from './commands/chaos.ts';
import { addAudit } from './commands/audit.ts';
import { addDelete } from './commands/delete.ts';
import { addDemo } from './commands/demo.ts';
import { addDown } from './commands/down.ts';
import { addExport } from './commands/export.ts';
import { addFailures } from './commands/failures.ts';
import { addKeys } from './commands/keys.ts';
import { addPipelines } from './commands/pipelines.ts';
import { addLogs } from './commands/logs.ts';
import { addPs } from './commands/ps.ts';
import { addQueues } from './commands/queues.ts';
import { addReplay } from './commands/replay.ts';
import { addRestore } from './commands/restore.ts';
import { addSubmit } from './commands/submit.ts';
import { addUp } from './commands/up.ts';
import { addWorkers } from './commands/workers.ts';
import type { Terminal } from './output/terminal.ts';

const EXAMPLES = `
Examples:
  longshore demo                               see it work, in a minute, with nothing to install
  longshore up                                 start the platform
  longshore apply -f samples/invoices.yaml     tell it what to look for in which documents
  longshore submit invoices march.pdf --wait   give it a document`;

/** The `longshore` command with all its subcommands. */
export function createProgram(terminal: Terminal): Command {
  const program = new Command('longshore')
    .description('Self-hosted document and background work: nothing accepted is lost or done twice.')
    .version(RELEASE)
    .helpCommand(true)
    .showHelpAfterError('Add --help to see what is possible.')
    .addHelpText('after', EXAMPLES);
  const commands = [
    addUp,
    addDown,
    addPs,
    addDemo,
    addApply,
    addExport,
    addSubmit,
    addPipelines,
    addCancel,
    addLogs,
    addFailures,
    addReplay,
    addWorkers,
    addQueues,
    addKeys,
    addAudit,
    addDelete,
    addBackup,
    addRestore,
    addChaos,
  ];
  for (const add of commands) add(program, terminal);
  return program;
}
