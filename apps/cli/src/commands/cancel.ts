import { routes } from '@longshore/contracts';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { isRefusal } from '../client/cancel-run.ts';
import { connect, type ConnectionFlags } from '../client/connection.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import { explainError } from '../output/explain-error.ts';
import { executionId, several } from './id-argument.ts';
import type { Terminal } from '../output/terminal.ts';
import { addOrganisationConnection } from './connection-options.ts';

interface CancelFlags extends ConnectionFlags {
  json?: true;
}

const EXAMPLES = `
Examples:
  longshore cancel 0199a2c4-5b1e-7c3d-9f00-2f4d3a1b6c7e
  longshore cancel $(longshore submit invoices march.pdf)
  longshore cancel <id> <id> --json`;

/** Adds `longshore cancel`. */
export function addCancel(program: Command, terminal: Terminal): void {
  addCancelExecutions(program, { terminal, examples: EXAMPLES });
}

/** Adds the command `cancel` that stops executions, below whatever command. */
export function addCancelExecutions(
  parent: Command,
  { terminal, examples }: { terminal: Terminal; examples: string },
): void {
  const command = parent
    .command('cancel')
    .summary('stop executions')
    .description(
      'Stops executions wherever they are. What waits never starts, what runs stops within about a second; results of ' +
        'files that had ended stay. One that is stopped already counts as stopped, one that ended otherwise does not.',
    )
    .argument('<execution_id...>', 'executions to stop', several(executionId))
    .option('--json', 'print JSON: what became of each')
    .addHelpText('after', examples);
  addOrganisationConnection(command).action(async (ids: string[], flags: CancelFlags) => {
    const outcomes = await cancelAll(connect('organisation', flags), ids);
    if (flags.json) terminal.out(JSON.stringify({ executions: outcomes }));
    else outcomes.map(lineFor).forEach(terminal.out);
    const refused = outcomes.filter(({ status }) => status === null).length;
    if (refused > 0) throw new CliError(`${refused} of ${ids.length} could not be stopped.`);
  });
}

/** What became of one execution; `status` is null when it was refused. */
interface Outcome {
  readonly execution_id: string;
  readonly status: 'STOPPED' | null;
  readonly error: string | null;
}

/** One after the other. A refusal of one is no reason to leave the others running; a platform out of reach is. */
async function cancelAll(client: PlatformClient, ids: readonly string[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const id of ids) outcomes.push(await cancelOne(client, id));
  return outcomes;
}

async function cancelOne(client: PlatformClient, id: string): Promise<Outcome> {
  try {
    const { status } = await client.call(routes.cancelExecution, { params: { id } });
    return { execution_id: id, status, error: null };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { execution_id: id, status: null, error: explainError(error) };
  }
}

function lineFor({ execution_id: id, status, error }: Outcome): string {
  return `${id} ${status ?? `not stopped: ${error ?? ''}`}`;
}
