import { RELEASE } from '@longshore/contracts';
import { Command } from 'commander';
import { addApply } from './commands/apply.ts';
import { addBackup } from './commands/backup.ts';
import { addBench } from './commands/bench.ts';
import { addCancel } from './commands/cancel.ts';
import { addChaos } from './commands/chaos.ts';
import { addAudit } from './commands/audit.ts';
import { addCredentials } from './commands/credentials.ts';
import { addCompletion } from './commands/completion.ts';
import { addDelete } from './commands/delete.ts';
import { addDeployments, addWorkflows } from './commands/deployments.ts';
import { addDemo } from './commands/demo.ts';
import { addDoctor } from './commands/doctor.ts';
import { addDown } from './commands/down.ts';
import { addExecutions } from './commands/executions.ts';
import { addExport } from './commands/export.ts';
import { addExtract } from './commands/extract.ts';
import { addFailures } from './commands/failures.ts';
import { tellUnknownCommands } from './commands/groups.ts';
import { addKeys } from './commands/keys.ts';
import { addPipelines } from './commands/pipelines.ts';
import { addLogs } from './commands/logs.ts';
import { addOrganisations } from './commands/organisations.ts';
import { addPs } from './commands/ps.ts';
import { addQueues } from './commands/queues.ts';
import { addReplay } from './commands/replay.ts';
import { addRestore } from './commands/restore.ts';
import { addReseal } from './commands/reseal.ts';
import { addResult } from './commands/result.ts';
import { addRuns } from './commands/runs.ts';
import { addRun } from './commands/run.ts';
import { addSchedules } from './commands/schedules.ts';
import { addSubmit } from './commands/submit.ts';
import { addTasks } from './commands/tasks.ts';
import { addUp } from './commands/up.ts';
import { addWebhooks } from './commands/webhooks.ts';
import { addWorker } from './commands/worker.ts';
import { addWorkers } from './commands/workers.ts';
import { paintedError } from './output/look.ts';
import type { Terminal } from './output/terminal.ts';

const EXAMPLES = `
Examples:
  longshore demo                               see it work, in a minute, with nothing to install
  longshore up                                 start the platform
  longshore apply -f samples/invoices.yaml     tell it what to look for in which documents
  longshore submit invoices march.pdf --wait   give it a document`;

/** The `longshore` command with all its subcommands. A wrong command line is thrown as CommanderError, after it was told. */
export function createProgram(terminal: Terminal): Command {
  const program = new Command('longshore')
    .description('Self-hosted document and background work: nothing accepted is lost or done twice.')
    .version(RELEASE)
    .helpCommand(true)
    // Whoever runs the program decides how it ends.
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(paintedError(text, terminal.errorLook ?? {})) })
    .showHelpAfterError('Add --help to see what is possible.')
    .addHelpText('after', EXAMPLES);
  const commands = [
    addUp,
    addDown,
    addPs,
    addDoctor,
    addDemo,
    addApply,
    addExport,
    addExtract,
    addWorkflows,
    addDeployments,
    addSubmit,
    addRun,
    addTasks,
    addPipelines,
    addSchedules,
    addCredentials,
    addWebhooks,
    addExecutions,
    addRuns,
    addResult,
    addCancel,
    addLogs,
    addFailures,
    addReplay,
    addWorker,
    addWorkers,
    addQueues,
    addOrganisations,
    addKeys,
    addAudit,
    addDelete,
    addBackup,
    addRestore,
    addReseal,
    addBench,
    addChaos,
    addCompletion,
  ];
  for (const add of commands) add(program, terminal);
  tellUnknownCommands(program);
  return program;
}
