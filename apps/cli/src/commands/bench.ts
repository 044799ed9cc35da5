import { systemClock } from '@longshore/runtime';
import type { Command } from 'commander';
import { type BenchResult, runBench } from '../bench/run-bench.ts';
import { CliError } from '../cli-error.ts';
import { connect, type ConnectionFlags } from '../client/connection.ts';
import { duration } from '../output/duration.ts';
import type { Look } from '../output/look.ts';
import { table } from '../output/table.ts';
import type { Terminal } from '../output/terminal.ts';
import { addOrganisationConnection } from './connection-options.ts';
import { wholeNumber } from './number-option.ts';
import { jsonObject } from './task-arguments.ts';

interface BenchFlags extends ConnectionFlags {
  tasks: number;
  parallel: number;
  task: string;
  parameters: string;
  keep?: true;
  json?: true;
}

const EXAMPLES = `
Examples:
  longshore bench
  longshore bench --tasks 5000 --parallel 100 --json
  longshore bench --task resize --parameters '{"width": 4000, "height": 3000}' --tasks 20`;

/** Adds `longshore bench`. */
export function addBench(program: Command, terminal: Terminal): void {
  const command = program
    .command('bench')
    .summary('measure how fast this installation works')
    .description(
      'Submits tasks that do nothing, so many at once, waits for the result of each, and tells how many a second that were and how long ' +
        'each took. The tasks are deleted again. Exit code 1 when one of them failed.',
    )
    .option('--tasks <number>', 'how many', wholeNumber, 500)
    .option('--parallel <number>', 'how many are under way at once', wholeNumber, 20)
    .option('--task <name>', 'type of the tasks', 'example_long_running')
    .option('--parameters <json>', 'their parameters, a JSON object', '{"duration": 0}')
    .option('--keep', 'leave the tasks in the history')
    .option('--json', 'print what was measured as JSON, in milliseconds')
    .addHelpText('after', EXAMPLES);
  addOrganisationConnection(command).action((flags: BenchFlags) => bench(flags, terminal));
}

async function bench(flags: BenchFlags, terminal: Terminal): Promise<void> {
  const { tasks, parallel, task, json, keep } = flags;
  const result = await runBench({
    ...{ task, tasks, parallel, clock: systemClock, keep: keep === true },
    client: connect('organisation', flags),
    parameters: jsonObject(flags.parameters),
    onProgress: (ended) => terminal.status(`  ${ended} of ${tasks} tasks`),
  });
  (json ? [JSON.stringify(result)] : benchLines(result, terminal)).forEach(terminal.out);
  if (result.failed > 0) throw new CliError(`${result.failed} of ${tasks} tasks did not finish.`);
}

/** What was measured, for a person. */
export function benchLines(result: BenchResult, look: Look = {}): string[] {
  const { task, tasks, parallel, took_ms: took, tasks_per_second: rate } = result;
  const row = (name: string, { p50, p95, p99, max }: BenchResult['result_ms']) => [
    ...[name, ...[p50, p95, p99, max].map(duration)],
  ];
  return [
    `${tasks} times ${task}, ${parallel} at once: ${rate} a second, ${duration(took)} in all.`,
    '',
    ...table(
      ['UNTIL', 'HALF', '95 %', '99 %', 'LONGEST'],
      [row('accepted', result.accepted_ms), row('result', result.result_ms)],
      look,
    ),
  ];
}
