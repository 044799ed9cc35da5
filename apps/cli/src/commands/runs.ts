import { runStateSchema } from '@longshore/contracts';
import { type Command, Option } from 'commander';
import { CliError, usageError } from '../cli-error.ts';
import { connect, type ConnectionFlags } from '../client/connection.ts';
import { readItems } from '../client/pages.ts';
import { cursorAt, findRun, readRunPage } from '../client/runs.ts';
import { cancelRun, type RunOutcome } from '../client/cancel-run.ts';
import { runDetailLines, runLines } from '../output/run-lines.ts';
import type { Terminal } from '../output/terminal.ts';
import { addOrganisationConnection } from './connection-options.ts';
import { executionId, runId, several } from './id-argument.ts';
import { given, momentOf } from './key-options.ts';
import { wholeNumber } from './number-option.ts';

interface ListFlags extends ConnectionFlags {
  state?: string;
  task?: string;
  since?: string;
  limit: number;
  cursor?: string;
  json?: true;
}

const EXAMPLES = `
Examples:
  longshore runs 0199a2c4-5b1e-7c3d-9f00-2f4d3a1b6c7e                      of an execution or a task
  longshore runs 0199a2c4-5b1e-7c3d-9f00-2f4d3a1b6c7e --state failed
  longshore runs show 0199a2c4-5b1e-7a10-8b5e-2f0c9d417a63                 one of them
  longshore runs cancel 0199a2c4-5b1e-7a10-8b5e-2f0c9d417a63`;

const LIST_EXAMPLES = `
Examples:
  longshore runs list 0199a2c4-5b1e-7c3d-9f00-2f4d3a1b6c7e
  longshore runs list 0199a2c4-5b1e-7c3d-9f00-2f4d3a1b6c7e --state failed --since 10m
  longshore runs list 0199a2c4-5b1e-7c3d-9f00-2f4d3a1b6c7e --task file.process --json`;

const SHOW_EXAMPLES = `
Examples:
  longshore runs show 0199a2c4-5b1e-7a10-8b5e-2f0c9d417a63
  longshore runs show 0199a2c4-5b1e-7a10-8b5e-2f0c9d417a63 --json`;

const CANCEL_EXAMPLES = `
Examples:
  longshore runs cancel 0199a2c4-5b1e-7a10-8b5e-2f0c9d417a63
  longshore runs cancel 0199a2c4-5b1e-7a10-8b5e-2f0c9d417a63 --json`;

/** Adds `longshore runs` with its list and one of them. */
export function addRuns(program: Command, terminal: Terminal): void {
  const runs = program
    .command('runs')
    .summary('list the runs of an execution or a task, show one, cancel')
    .description(
      'Runs: what executions and tasks are made of, with every start of them and who worked on it.',
    )
    .addHelpText('after', EXAMPLES);
  addList(runs, terminal);
  addShow(runs, terminal);
  addCancelRuns(runs, terminal);
}

function addList(runs: Command, terminal: Terminal): void {
  const command = runs
    .command('list', { isDefault: true })
    .summary('list the runs of an execution or a task')
    .description(
      'Lists the runs that an execution or a task is made of, in the order in which they were made, with every start: which worker had ' +
        'it, from when to when, and how it ended. One that was handed back or lost its worker uses up no attempt. All filters that are given must hold.',
    )
    .argument('<id>', 'an execution, or a task', executionId)
    .addOption(new Option('--state <state>', 'only in this state').choices(runStateSchema.options))
    .option('--task <name>', 'only of this task')
    .option('--since <moment>', 'made from then on: 2h (two hours ago), 2026-05-01, 2026-05-01T12:00:00Z')
    .option('--limit <number>', 'at most this many', wholeNumber, 100)
    .option('--cursor <cursor>', 'go on where a list ended')
    .option('--json', "print the backend's answer as JSON")
    .addHelpText('after', LIST_EXAMPLES);
  addOrganisationConnection(command).action((id: string, flags: ListFlags) => list(id, flags, terminal));
  // What commander says by itself does not tell where ids come from.
  Object.assign(command, { missingArgument: refuseWithoutId });
}

function refuseWithoutId(): never {
  throw usageError(
    'Say of which execution or task: longshore runs 0199a2c4-5b1e-7c3d-9f00-2f4d3a1b6c7e. "longshore executions" lists the executions, ' +
      '"longshore tasks list" the tasks.',
  );
}

async function list(id: string, flags: ListFlags, terminal: Terminal): Promise<void> {
  const filter = { of: id, ...given({ state: flags.state, task: flags.task }) };
  const since = flags.since === undefined ? undefined : momentOf(flags.since, Date.now());
  const client = connect('organisation', flags);
  const start = flags.cursor ?? (since === undefined ? undefined : await cursorAt(client, filter, since));
  const { items, next_cursor } =
    start === null
      ? { items: [], next_cursor: null }
      : await readItems((page) => readRunPage(client, filter, page), { limit: flags.limit, cursor: start });
  if (flags.json) return terminal.out(JSON.stringify({ runs: items, next_cursor }));
  runLines(items, terminal).forEach(terminal.out);
  if (next_cursor !== null)
    terminal.err(`There are more: a greater --limit shows them, or --cursor ${next_cursor}`);
}

function addShow(runs: Command, terminal: Terminal): void {
  const command = runs
    .command('show')
    .summary('show all about one run')
    .description('Shows one run: what it is a part of, every start of it, the workers, times and errors.')
    .argument('<run_id>', 'a run, as the list shows it', runId)
    .option('--json', 'print the run as JSON, with the execution or task that it is a part of')
    .addHelpText('after', SHOW_EXAMPLES);
  addOrganisationConnection(command).action(async (id: string, flags: ConnectionFlags & { json?: true }) => {
    const found = await findRun(connect('organisation', flags), id);
    if (found === null) throw noSuchRun(id);
    const { run, root } = found;
    const lines = flags.json ? [JSON.stringify({ ...run, of: root })] : runDetailLines(run, root, terminal);
    lines.forEach(terminal.out);
  });
}

function noSuchRun(id: string): CliError {
  return new CliError(
    `There is no run ${id}: "longshore runs <id>" lists those of an execution or a task, "longshore executions" the executions.`,
  );
}

function addCancelRuns(runs: Command, terminal: Terminal): void {
  const command = runs
    .command('cancel')
    .summary('stop the executions or tasks that runs are a part of')
    .description(
      'Stops the whole execution or task that a run is a part of, and says which: a part alone cannot be stopped, for what it belongs to ' +
        'would never end. A run that has ended stops nothing.',
    )
    .argument('<run_id...>', 'runs, as the list shows them', several(runId))
    .option('--json', 'print JSON: what became of each')
    .addHelpText('after', CANCEL_EXAMPLES);
  addOrganisationConnection(command).action(
    async (ids: string[], flags: ConnectionFlags & { json?: true }) => {
      const client = connect('organisation', flags);
      const outcomes: RunOutcome[] = [];
      for (const id of ids) outcomes.push(await cancelRun(client, id));
      if (flags.json) terminal.out(JSON.stringify({ runs: outcomes }));
      else outcomes.map(lineFor).forEach(terminal.out);
      const refused = outcomes.filter(({ status }) => status === null).length;
      if (refused > 0) throw new CliError(`${refused} of ${ids.length} could not be stopped.`);
    },
  );
}

function lineFor({ run_id: id, of, kind, status, error }: RunOutcome): string {
  if (status === null) return `${id} not stopped: ${error ?? ''}`;
  return of === id ? `${id} ${status}` : `${id} is a part of ${kind} ${of}: all of it is ${status}`;
}
