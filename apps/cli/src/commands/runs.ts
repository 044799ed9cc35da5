import { routes, runStateSchema } from '@longshore/contracts';
import { type Command, Option } from 'commander';
import type { ConnectionFlags } from '../client/connection.ts';
import { readItems } from '../client/pages.ts';
import { runLines } from '../output/run-lines.ts';
import type { Terminal } from '../output/terminal.ts';
import { addOrganisationConnection } from './connection-options.ts';
import { executionId } from './execution-argument.ts';
import { connectForOrganisation } from './failure-filter.ts';
import { given } from './key-options.ts';
import { wholeNumber } from './number-option.ts';

interface RunsFlags extends ConnectionFlags {
  state?: string;
  task?: string;
  limit: number;
  cursor?: string;
  json?: true;
}

const EXAMPLES = `
Examples:
  longshore runs 0199a2c4-5b1e-7c3d-9f00-2f4d3a1b6c7e
  longshore runs 0199a2c4-5b1e-7c3d-9f00-2f4d3a1b6c7e --state failed
  longshore runs 0199a2c4-5b1e-7c3d-9f00-2f4d3a1b6c7e --task file.process --json`;

/** Adds `longshore runs`. */
export function addRuns(program: Command, terminal: Terminal): void {
  const command = program
    .command('runs')
    .summary('show the runs of an execution or a task')
    .description(
      'Lists the runs that an execution or a task is made of, in the order in which they were made, with every attempt: which worker had ' +
        'it, from when to when, and how it ended. To stop all of them: longshore cancel, longshore tasks cancel.',
    )
    .argument('<id>', 'an execution, or a task', executionId)
    .addOption(new Option('--state <state>', 'only in this state').choices(runStateSchema.options))
    .option('--task <name>', 'only of this task')
    .option('--limit <number>', 'at most this many', wholeNumber, 100)
    .option('--cursor <cursor>', 'go on where a list ended')
    .option('--json', "print the backend's answer as JSON")
    .addHelpText('after', EXAMPLES);
  addOrganisationConnection(command).action(async (id: string, flags: RunsFlags) => {
    const filter = given({ of: id, state: flags.state, task: flags.task });
    const client = connectForOrganisation(flags);
    const { items, next_cursor } = await readItems(async (page) => {
      const query = { ...filter, of: id, ...page };
      const answer = await client.call(routes.listRuns, { query });
      return { items: answer.runs, next_cursor: answer.next_cursor };
    }, flags);
    if (flags.json) return terminal.out(JSON.stringify({ runs: items, next_cursor }));
    runLines(items, terminal.columns).forEach(terminal.out);
    if (next_cursor !== null)
      terminal.err(`There are more: a greater --limit shows them, or --cursor ${next_cursor}`);
  });
}
