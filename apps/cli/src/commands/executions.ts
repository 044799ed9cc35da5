import { executionStatusSchema, routes } from '@longshore/contracts';
import { systemClock } from '@longshore/runtime';
import { type Command, Option } from 'commander';
import { usageError } from '../cli-error.ts';
import type { ConnectionFlags } from '../client/connection.ts';
import { readItems } from '../client/pages.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import { createPatientClient } from '../client/until-answered.ts';
import { executionLines } from '../output/execution-lines.ts';
import { executionDetailLines } from '../output/execution-detail-lines.ts';
import type { Terminal } from '../output/terminal.ts';
import { addOrganisationConnection } from './connection-options.ts';
import { executionId } from './id-argument.ts';
import { addCancelExecutions } from './cancel.ts';
import { connectForOrganisation } from './failure-filter.ts';
import { given, momentOf } from './key-options.ts';
import { wholeNumber } from './number-option.ts';
import { watchExecutions } from './watch-executions.ts';

interface ListFlags extends ConnectionFlags {
  apiName?: string;
  status?: string;
  tag?: string;
  since?: string;
  until?: string;
  search?: string;
  organisation?: string;
  limit: number;
  cursor?: string;
  watch?: true;
  json?: true;
}

const EXAMPLES = `
Examples:
  longshore executions                                    the newest, of this organisation
  longshore executions --status ERROR --since 2h
  longshore executions show 0199a2c4-5b1e-7c3d-9f00-2f4d3a1b6c7e
  longshore executions cancel 0199a2c4-5b1e-7c3d-9f00-2f4d3a1b6c7e`;

const LIST_EXAMPLES = `
Examples:
  longshore executions list --limit 100
  longshore executions list --api-name invoices --status ERROR --since 2h
  longshore executions list --tag spring --json
  longshore executions list --search march               files whose names begin so, or the beginning of an id
  longshore executions list --org acme --watch           with the admin key; goes on until Ctrl-C`;

const SHOW_EXAMPLES = `
Examples:
  longshore executions show 0199a2c4-5b1e-7c3d-9f00-2f4d3a1b6c7e
  longshore executions show 0199a2c4-5b1e-7c3d-9f00-2f4d3a1b6c7e --json`;

const CANCEL_EXAMPLES = `
Examples:
  longshore executions cancel 0199a2c4-5b1e-7c3d-9f00-2f4d3a1b6c7e
  longshore executions cancel <id> <id> --json`;

/** Adds `longshore executions` with its list and one of them. */
export function addExecutions(program: Command, terminal: Terminal): void {
  const executions = program
    .command('executions')
    .summary('list executions, show one, cancel')
    .description('Executions: what was asked for, what became of it, and who worked on it.')
    .addHelpText('after', EXAMPLES);
  addList(executions, terminal);
  addShow(executions, terminal);
  addCancelExecutions(executions, { terminal, examples: CANCEL_EXAMPLES });
}

function addList(executions: Command, terminal: Terminal): void {
  const command = executions
    .command('list', { isDefault: true })
    .summary('list executions, the newest first')
    .description('Lists executions, the newest first. All filters that are given must hold.')
    .option('--api-name <name>', 'only of this deployment or pipeline')
    .addOption(new Option('--status <status>', 'only in this status').choices(executionStatusSchema.options))
    .option('--tag <tag>', 'only with this tag')
    .option('--since <moment>', 'accepted from then on: 2h (two hours ago), 2026-05-01, 2026-05-01T12:00:00Z')
    .option('--until <moment>', 'accepted before then')
    .option('--search <text>', 'with a file whose name begins so, or whose id begins so')
    .option('--limit <number>', 'at most this many', wholeNumber, 20)
    .option('--cursor <cursor>', 'go on where a list ended')
    .option('--watch', 'go on, with a line whenever one is accepted or changes its status')
    .option('--org, --organisation <name>', 'of this organisation, with the admin key')
    .option('--admin-key <key>', 'admin key for --organisation (default: as for other commands)')
    .option('--json', 'print JSON; with --watch one object for each line')
    .addHelpText('after', LIST_EXAMPLES);
  addOrganisationConnection(command).action((flags: ListFlags) => list(flags, terminal));
}

async function list(flags: ListFlags, terminal: Terminal): Promise<void> {
  if (flags.watch && flags.cursor !== undefined)
    throw usageError('--watch shows the newest, --cursor what comes after others: give one of them.');
  const filter = filterOf(flags, Date.now());
  const client = connectForOrganisation(flags);
  if (flags.watch) {
    const { limit, json } = flags;
    const advice = 'go on with "longshore executions --watch"';
    const patient = createPatientClient(client, { clock: systemClock, tell: terminal.err, advice });
    const look = async () => (await readExecutions(patient, filter, { limit })).items;
    return await watchExecutions(look, { terminal, clock: systemClock, json: json === true });
  }
  const { items, next_cursor } = await readExecutions(client, filter, flags);
  if (flags.json) return terminal.out(JSON.stringify({ executions: items, next_cursor }));
  executionLines(items, Date.now(), terminal).forEach(terminal.out);
  if (next_cursor !== null)
    terminal.err(`There are more: a greater --limit shows them, or --cursor ${next_cursor}`);
}

function filterOf(flags: ListFlags, now: number): Record<string, string> {
  const { apiName, status, tag, since, until, search, organisation } = flags;
  return given({
    ...{ status, tag, organisation, api_name: apiName, q: search },
    since: since === undefined ? undefined : momentOf(since, now),
    until: until === undefined ? undefined : momentOf(until, now),
  });
}

function readExecutions(
  client: PlatformClient,
  filter: Readonly<Record<string, string>>,
  paging: { limit: number; cursor?: string | undefined },
) {
  return readItems(async (page) => {
    const answer = await client.call(routes.listExecutions, { query: { ...filter, ...page } });
    return { items: answer.executions, next_cursor: answer.next_cursor };
  }, paging);
}

function addShow(executions: Command, terminal: Terminal): void {
  const command = executions
    .command('show')
    .summary('show all about one execution')
    .description('Shows one execution: its files, every start of them, the workers, times and errors.')
    .argument('<execution_id>', 'an execution', executionId)
    .option('--json', "print the backend's answer as JSON, results included")
    .addHelpText('after', SHOW_EXAMPLES);
  addOrganisationConnection(command).action(async (id: string, flags: ConnectionFlags & { json?: true }) => {
    const detail = await connectForOrganisation(flags).call(routes.execution, { params: { id } });
    const lines = flags.json ? [JSON.stringify(detail)] : executionDetailLines(detail, terminal);
    lines.forEach(terminal.out);
  });
}
