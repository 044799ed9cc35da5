import { type Deletion, routes } from '@longshore/contracts';
import { type Clock, systemClock } from '@longshore/runtime';
import type { Command } from 'commander';
import { usageError } from '../cli-error.ts';
import { connect, type ConnectionFlags } from '../client/connection.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import { createPatientClient } from '../client/until-answered.ts';
import { needsSubcommand } from './groups.ts';
import { executionId } from './id-argument.ts';
import type { Terminal } from '../output/terminal.ts';
import { addAdminConnection, addOrganisationConnection } from './connection-options.ts';

const EXECUTION_EXAMPLES = `
Examples:
  longshore delete execution 0198c5f2-4b1e-7c3a-9d2f-1a2b3c4d5e6f`;

const ORGANISATION_EXAMPLES = `
Examples:
  longshore delete organisation acme --confirm acme
  longshore delete organisation acme --confirm acme --json > report.json`;

const EXAMPLES = `
Examples:
  longshore delete execution 0198c5f2-4b1e-7c3a-9d2f-1a2b3c4d5e6f
  longshore delete organisation acme --confirm acme`;

const LOOK_EVERY_MS = 500;

/** Adds `longshore delete execution` and `longshore delete organisation`. */
export function addDelete(program: Command, terminal: Terminal): void {
  const command = program
    .command('delete')
    .summary('delete an execution, or an organisation with everything of it')
    .description(
      'Deletes for good: rows, stored files, results and logs. Backups that were made before still have them.',
    )
    .addHelpText('after', EXAMPLES);
  needsSubcommand(command);
  const execution = command
    .command('execution')
    .summary('delete one execution')
    .description(
      'Deletes one execution with its files, results and logs. One that has not ended is to be cancelled first.',
    )
    .argument('<id>', 'an execution that has ended', executionId)
    .option('--json', "print the backend's answer as JSON")
    .addHelpText('after', EXECUTION_EXAMPLES);
  addOrganisationConnection(execution).action(
    async (id: string, flags: ConnectionFlags & { json?: true }) => {
      const answer = await connect('organisation', flags).call(routes.deleteExecution, { params: { id } });
      terminal.out(flags.json ? JSON.stringify(answer) : `Deleted execution ${id}.`);
    },
  );
  const organisation = command
    .command('organisation')
    .summary('delete an organisation with everything of it')
    .description(
      'Deletes an organisation with its keys, workflows, executions, files and results, and counts afterwards what is left.',
    )
    .argument('<name>', 'an organisation without unfinished executions')
    .requiredOption('--confirm <name>', 'its name once more')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', ORGANISATION_EXAMPLES);
  addAdminConnection(organisation).action(
    async (name: string, flags: ConnectionFlags & { confirm: string; json?: true }) => {
      if (flags.confirm !== name) throw usageError(`Say --confirm ${name} to delete everything of ${name}.`);
      const report = await deleteOrganisation(connect('admin', flags), name, {
        terminal,
        clock: systemClock,
      });
      for (const line of flags.json ? [JSON.stringify(report)] : reportLines(report)) terminal.out(line);
    },
  );
}

/** Asks for the deletion and follows it to its end. */
async function deleteOrganisation(
  client: PlatformClient,
  name: string,
  { terminal, clock }: { terminal: Terminal; clock: Clock },
): Promise<Deletion> {
  const begun = await client.call(routes.deleteOrganisation, { params: { name }, query: { confirm: name } });
  const advice = `deletion ${begun.deletion_id} goes on at the platform`;
  const patient = createPatientClient(client, { clock, tell: terminal.err, advice, isAccepted: true });
  for (let deletion = begun; ; await clock.sleep(LOOK_EVERY_MS)) {
    if (deletion.state === 'done') return deletion;
    terminal.status(`${sum(deletion.removed)} rows removed`);
    deletion = await patient.call(routes.deletion, { params: { id: begun.deletion_id } });
  }
}

/** What a person is told of a deletion that is done. */
export function reportLines({ organisation, deletion_id: id, removed, remaining }: Deletion): string[] {
  const tables = Object.entries(removed).filter(([, rows]) => rows > 0);
  const left = sum(remaining?.rows ?? {}) + (remaining?.objects ?? 0);
  return [
    `Deleted ${organisation}: ${sum(removed)} rows of ${tables.length} tables, and their files.`,
    `Counted afterwards: ${left} rows and files left in ${Object.keys(remaining?.rows ?? {}).length} tables and the file store.`,
    `The report is kept as deletion ${id}. Backups that were made before still hold the data.`,
  ];
}

function sum(rows: Readonly<Record<string, number>>): number {
  return Object.values(rows).reduce((total, each) => total + each, 0);
}
