import { type FailureList, routes } from '@longshore/contracts';
import type { Command } from 'commander';
import type { ConnectionFlags } from '../client/connection.ts';
import type { Look } from '../output/look.ts';
import { table } from '../output/table.ts';
import type { Terminal } from '../output/terminal.ts';
import {
  addFailureFilter,
  connectForOrganisation,
  type FailureFilterFlags,
  queryOf,
} from './failure-filter.ts';
import { wholeNumberFrom } from './number-option.ts';
import { moment } from '../output/moment.ts';

interface FailuresFlags extends ConnectionFlags, FailureFilterFlags {
  limit: number;
  json?: true;
}

const EXAMPLES = `
Examples:
  longshore failures
  longshore failures --since 2h --api-name invoices
  longshore replay --cause <cause> --only-failed      run what failed that way again`;

/** Adds `longshore failures`. */
export function addFailures(program: Command, terminal: Terminal): void {
  const command = program
    .command('failures')
    .summary('show what failed, by cause')
    .description(
      'Shows failed runs grouped by cause: task, error code, and message without names, numbers and ids. The most frequent first.',
    )
    .option('--limit <number>', 'at most this many causes', wholeNumberFrom(1, 1000), 20)
    .option('--json', "print the backend's answer as JSON")
    .addHelpText('after', EXAMPLES);
  addFailureFilter(command).action(async (flags: FailuresFlags) => {
    const query = { ...queryOf(flags, Date.now()), limit: String(flags.limit) };
    const answer = await connectForOrganisation(flags).call(routes.listFailures, { query });
    const lines = flags.json ? [JSON.stringify(answer)] : failureLines(answer, terminal);
    lines.forEach(terminal.out);
  });
}

const HEADINGS = ['CAUSE', 'TIMES', 'LAST', 'TASK', 'CODE', 'MESSAGE', 'FOR EXAMPLE'];

/** A table with one line for each cause. */
export function failureLines({ failures, causes, complete }: FailureList, look: Look = {}): string[] {
  if (failures.length === 0) return ['Nothing has failed.'];
  const rows = failures.map(({ cause, count, last_at, task, code, message, example }) => [
    cause,
    String(count),
    moment(last_at),
    task,
    code,
    message,
    example.execution_id,
  ]);
  const left = causes - failures.length;
  return [
    ...table(HEADINGS, rows, {
      ...look,
      widest: 70,
      dispensable: ['LAST', 'TASK', 'FOR EXAMPLE'],
      whole: ['CAUSE'],
    }),
    ...(left > 0 ? ['', `${left} more ${left === 1 ? 'cause' : 'causes'}: see them with --limit.`] : []),
    ...(complete
      ? []
      : ['', 'There are more failures; the latest were counted. Narrow it down with --since.']),
  ];
}
