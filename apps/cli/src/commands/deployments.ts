import { type DeploymentView, routes, type Workflow } from '@longshore/contracts';
import type { Command } from 'commander';
import type { ConnectionFlags } from '../client/connection.ts';
import { readItems } from '../client/pages.ts';
import type { Look } from '../output/look.ts';
import { table } from '../output/table.ts';
import type { Terminal } from '../output/terminal.ts';
import { addOrganisationConnection } from './connection-options.ts';
import { connectForOrganisation } from './failure-filter.ts';
import { given } from './key-options.ts';
import { wholeNumber } from './number-option.ts';

/** What {@link addListOptions} adds. */
export interface ListFlags extends ConnectionFlags {
  organisation?: string;
  limit: number;
  json?: true;
}

export const MORE = 'There are more: a greater --limit shows them.';

/** Adds `longshore deployments`. */
export function addDeployments(program: Command, terminal: Terminal): void {
  const command = program
    .command('deployments')
    .summary('list deployments')
    .description('Lists the deployments that "longshore apply" made, in the order of their names.');
  addListOptions(command, [
    'longshore deployments',
    'longshore deployments --org acme --json         with the admin key',
  ]).action(async (flags: ListFlags) => {
    const client = connectForOrganisation(flags);
    const filter = given({ organisation: flags.organisation });
    const { items, next_cursor } = await readItems<DeploymentView>(async (page) => {
      const answer = await client.call(routes.listDeployments, { query: { ...filter, ...page } });
      return { items: answer.deployments, next_cursor: answer.next_cursor };
    }, flags);
    if (flags.json) return terminal.out(JSON.stringify({ deployments: items, next_cursor }));
    deploymentLines(items, terminal).forEach(terminal.out);
    if (next_cursor !== null) terminal.err(MORE);
  });
}

/** Adds `longshore workflows`. */
export function addWorkflows(program: Command, terminal: Terminal): void {
  const command = program
    .command('workflows')
    .summary('list workflows')
    .description('Lists the workflows that "longshore apply" made, in the order of their names.');
  addListOptions(command, [
    'longshore workflows',
    'longshore workflows --org acme --json         with the admin key',
  ]).action(async (flags: ListFlags) => {
    const client = connectForOrganisation(flags);
    const filter = given({ organisation: flags.organisation });
    const { items, next_cursor } = await readItems<Workflow>(async (page) => {
      const answer = await client.call(routes.listWorkflows, { query: { ...filter, ...page } });
      return { items: answer.workflows, next_cursor: answer.next_cursor };
    }, flags);
    if (flags.json) return terminal.out(JSON.stringify({ workflows: items, next_cursor }));
    workflowLines(items, terminal).forEach(terminal.out);
    if (next_cursor !== null) terminal.err(MORE);
  });
}

/** Adds what lists of an organisation's things have in common. */
export function addListOptions(command: Command, examples: readonly string[]): Command {
  command
    .option('--limit <number>', 'at most this many', wholeNumber, 100)
    .option('--org, --organisation <name>', 'of this organisation, with the admin key')
    .option('--admin-key <key>', 'admin key for --organisation (default: as for other commands)')
    .option('--json', "print the backend's answer as JSON")
    .addHelpText('after', `\nExamples:\n  ${examples.join('\n  ')}`);
  return addOrganisationConnection(command);
}

function deploymentLines(deployments: readonly DeploymentView[], look: Look): string[] {
  if (deployments.length === 0) return ['There are no deployments: "longshore apply" makes them.'];
  const rows = deployments.map(({ api_name, organisation, workflow, workflow_version, active, address }) => [
    ...[api_name, organisation, `${workflow} (version ${workflow_version})`],
    ...[active ? 'active' : 'inactive', address],
  ]);
  return table(['NAME', 'ORGANISATION', 'WORKFLOW', 'STATE', 'ADDRESS'], rows, {
    ...look,
    dispensable: ['ORGANISATION', 'ADDRESS'],
    whole: ['NAME'],
  });
}

function workflowLines(workflows: readonly Workflow[], look: Look): string[] {
  if (workflows.length === 0) return ['There are no workflows: "longshore apply" makes them.'];
  const rows = workflows.map(({ name, organisation, version, updated_at }) => [
    ...[name, organisation, String(version), updated_at.slice(0, 16).replace('T', ' ')],
  ]);
  return table(['NAME', 'ORGANISATION', 'VERSION', 'CHANGED (UTC)'], rows, {
    ...look,
    dispensable: ['CHANGED (UTC)', 'ORGANISATION'],
    whole: ['NAME'],
  });
}
