import { ApiError, type ExecuteResponse, routes } from '@longshore/contracts';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { connect, type ConnectionFlags } from '../client/connection.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import { createExecutionReader } from '../client/read-execution.ts';
import type { Terminal } from '../output/terminal.ts';
import { addOrganisationConnection } from './connection-options.ts';
import { waitFor } from './wait-for-execution.ts';

interface RunFlags extends ConnectionFlags {
  org: string;
  force?: true;
  wait?: true;
  json?: true;
}

const EXAMPLES = `
Examples:
  longshore pipelines run inbox                  prints the execution's id
  longshore pipelines run inbox --wait           waits, shows what was found and what was skipped
  longshore pipelines run inbox --force --wait   files too that were delivered before`;

/** Adds `longshore pipelines`. */
export function addPipelines(program: Command, terminal: Terminal): void {
  const pipelines = program
    .command('pipelines')
    .summary('run pipelines')
    .description('Pipelines read files from a source and deliver what was found in them.')
    .addHelpText('after', EXAMPLES);
  const run = pipelines
    .command('run')
    .summary('run a pipeline now')
    .description(
      'Has a pipeline read its source now. Files that were delivered and have not changed are skipped.',
    )
    .argument('<pipeline_id>', 'name of the pipeline')
    .option('--org <name>', 'organisation of the pipeline', 'default')
    .option('--force', 'process files too that were delivered or failed unchanged')
    .option('--wait', 'wait until the execution has ended; exit 1 unless it is COMPLETED and no file failed')
    .option('--json', 'print JSON: the id, or with --wait the whole execution')
    .addHelpText('after', EXAMPLES);
  addOrganisationConnection(run, "organisation's or deployment's key").action(
    async (pipelineId: string, flags: RunFlags) => {
      const client = connect('organisation', flags);
      const answer = await runPipeline(client, pipelineId, flags);
      const executionId = answer.execution_id;
      const read = createExecutionReader(client, { org: flags.org, pipeline_id: pipelineId });
      if (flags.wait) await waitFor(answer, { read, client, flags, terminal });
      else terminal.out(flags.json ? JSON.stringify({ execution_id: executionId }) : executionId);
    },
  );
}

async function runPipeline(
  client: PlatformClient,
  pipelineId: string,
  { org, force = false }: { org: string; force?: boolean },
): Promise<ExecuteResponse['message']> {
  try {
    const params = { org, pipeline_id: pipelineId };
    return (await client.call(routes.runPipeline, { params, body: { force } })).message;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
    const message = `Organisation ${org} has no active pipeline ${pipelineId}: check the name, or make it with "longshore apply".`;
    throw new CliError(message, { cause: error });
  }
}
