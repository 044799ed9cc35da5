import { ApiError, type ExecuteResponse, type PipelineView, routes } from '@longshore/contracts';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { connect, type ConnectionFlags } from '../client/connection.ts';
import { readItems } from '../client/pages.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import type { Look } from '../output/look.ts';
import { table } from '../output/table.ts';
import type { Terminal } from '../output/terminal.ts';
import { addOrganisationConnection } from './connection-options.ts';
import { addListOptions, type ListFlags, MORE } from './deployments.ts';
import { connectForOrganisation } from './failure-filter.ts';
import { given } from './key-options.ts';
import { waitFor } from './wait-for-execution.ts';

interface RunFlags extends ConnectionFlags {
  org: string;
  force?: true;
  wait?: true;
  json?: true;
}

const EXAMPLES = `
Examples:
  longshore pipelines                            what there is, with sources and destinations
  longshore pipelines run inbox --wait           waits, shows what was found and what was skipped`;

const RUN_EXAMPLES = `
Examples:
  longshore pipelines run inbox                  prints the execution's id
  longshore pipelines run inbox --wait           waits, shows what was found and what was skipped
  longshore pipelines run inbox --force --wait   files too that were delivered before`;

/** Adds `longshore pipelines`. */
export function addPipelines(program: Command, terminal: Terminal): void {
  const pipelines = program
    .command('pipelines')
    .summary('list pipelines, run one')
    .description('Pipelines read files from a source and deliver what was found in them.')
    .addHelpText('after', EXAMPLES);
  addList(pipelines, terminal);
  addRunOne(pipelines, terminal);
}

function addList(pipelines: Command, terminal: Terminal): void {
  const command = pipelines
    .command('list', { isDefault: true })
    .summary('list pipelines')
    .description('Lists the pipelines that "longshore apply" made, in the order of their names.');
  addListOptions(command, [
    'longshore pipelines list',
    'longshore pipelines list --org acme --json         with the admin key',
  ]).action(async (flags: ListFlags) => {
    const client = connectForOrganisation(flags);
    const filter = given({ organisation: flags.organisation });
    const { items, next_cursor } = await readItems<PipelineView>(async (page) => {
      const answer = await client.call(routes.listPipelines, { query: { ...filter, ...page } });
      return { items: answer.pipelines, next_cursor: answer.next_cursor };
    }, flags);
    if (flags.json) return terminal.out(JSON.stringify({ pipelines: items, next_cursor }));
    pipelineLines(items, terminal).forEach(terminal.out);
    if (next_cursor !== null) terminal.err(MORE);
  });
}

function pipelineLines(pipelines: readonly PipelineView[], look: Look): string[] {
  if (pipelines.length === 0) return ['There are no pipelines: "longshore apply" makes them.'];
  const rows = pipelines.map((each) => [
    ...[each.pipeline_id, each.organisation, `${each.workflow} (version ${each.workflow_version})`],
    ...[each.source, each.destination, each.active ? 'active' : 'inactive', each.address],
  ]);
  const columns = ['NAME', 'ORGANISATION', 'WORKFLOW', 'SOURCE', 'DESTINATION', 'STATE', 'ADDRESS'];
  return table(columns, rows, { ...look, dispensable: ['ORGANISATION', 'ADDRESS'], whole: ['NAME'] });
}

function addRunOne(pipelines: Command, terminal: Terminal): void {
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
    .addHelpText('after', RUN_EXAMPLES);
  addOrganisationConnection(run, "organisation's or deployment's key").action(
    async (pipelineId: string, flags: RunFlags) => {
      const client = connect('organisation', flags);
      const answer = await runPipeline(client, pipelineId, flags);
      const executionId = answer.execution_id;
      const acceptedBy = { org: flags.org, pipeline_id: pipelineId };
      if (flags.wait) await waitFor(answer, { acceptedBy, client, flags, terminal });
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
