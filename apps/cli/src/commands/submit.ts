import { systemClock } from '@longshore/runtime';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { connect, type ConnectionFlags } from '../client/connection.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import { submitFiles, watchExecution } from '../client/submit.ts';
import { createProgress } from '../output/execution-progress.ts';
import { resultLines } from '../output/result-table.ts';
import type { Terminal } from '../output/terminal.ts';
import { addOrganisationConnection } from './connection-options.ts';

interface SubmitFlags extends ConnectionFlags {
  organisation: string;
  wait?: true;
  json?: true;
}

const EXAMPLES = `
Examples:
  longshore submit invoices march.pdf april.pdf          prints the execution's id
  longshore submit invoices inbox/*.pdf --wait           waits, shows what was found
  longshore submit invoices march.pdf --wait --json > result.json`;

const KEYS = "organisation's or deployment's key";

/** Adds `longshore submit`. */
export function addSubmit(program: Command, terminal: Terminal): void {
  const command = program
    .command('submit')
    .summary('send files to a deployment')
    .description(
      'Posts files to a deployment. With --wait it shows the progress and what was found in each file.',
    )
    .argument('<api_name>', 'name of the deployment')
    .argument('<files...>', 'files to send, 1 to 32')
    .option('--org, --organisation <name>', 'organisation of the deployment', 'default')
    .option('--wait', 'wait until the execution has ended; exit 1 unless it is COMPLETED')
    .option('--json', 'print JSON: the id, or with --wait the whole execution')
    .addHelpText('after', EXAMPLES);
  addOrganisationConnection(command, KEYS).action(
    async (apiName: string, files: string[], flags: SubmitFlags) => {
      const client = connect('organisation', flags);
      const { organisation } = flags;
      const executionId = await submitFiles(client, { organisation, apiName, files });
      if (flags.wait) await waitFor(executionId, { client, flags, terminal });
      else terminal.out(flags.json ? JSON.stringify({ execution_id: executionId }) : executionId);
    },
  );
}

interface WaitContext {
  client: PlatformClient;
  flags: { json?: true };
  terminal: Terminal;
}

/** Shows how an execution goes on and what it found. Throws CliError unless it is COMPLETED. */
export async function waitFor(executionId: string, { client, flags, terminal }: WaitContext): Promise<void> {
  const onProgress = createProgress(terminal);
  const detail = await watchExecution(executionId, { client, clock: systemClock, onProgress });
  const lines = flags.json ? [JSON.stringify(detail)] : resultLines(detail);
  lines.forEach(terminal.out);
  if (detail.status !== 'COMPLETED') {
    const reason = flags.json ? `: ${detail.error ?? 'no reason given'}` : ', as told above.';
    throw new CliError(`Execution ${executionId} ended as ${detail.status}${reason}`);
  }
}
