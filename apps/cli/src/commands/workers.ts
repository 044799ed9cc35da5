import { routes, type WorkersResponse } from '@longshore/contracts';
import type { Command } from 'commander';
import { connect, type ConnectionFlags } from '../client/connection.ts';
import { duration } from '../output/duration.ts';
import { table } from '../output/table.ts';
import type { Terminal } from '../output/terminal.ts';
import { addAdminConnection } from './connection-options.ts';

interface WorkersFlags extends ConnectionFlags {
  json?: true;
}

const EXAMPLES = `
Examples:
  longshore workers
  longshore workers --json --url https://docs.example.org --admin-key "$KEY"`;

const HEADINGS = ['WORKER', 'INSTANCE', 'PID', 'STATE', 'RUNS', 'QUEUES', 'TASKS', 'HEALTH', 'UP'];

/** Adds `longshore workers`. */
export function addWorkers(program: Command, terminal: Terminal): void {
  const command = program
    .command('workers')
    .summary('list the workers that are alive')
    .description(
      'Lists the worker processes that the backend hears of, with what they serve and how busy they are.',
    )
    .option('--json', "print the backend's answer as JSON")
    .addHelpText('after', EXAMPLES);
  addAdminConnection(command).action(async (flags: WorkersFlags) => {
    const answer = await connect('admin', flags).call(routes.workers);
    const lines = flags.json ? [JSON.stringify(answer)] : workerLines(answer, Date.now(), terminal.columns);
    lines.forEach(terminal.out);
  });
}

/** A table with one line for each live worker process. `now` is the wall clock, milliseconds. */
export function workerLines({ pools }: WorkersResponse, now: number, columns?: number): string[] {
  const rows = pools.flatMap(({ worker, queues, tasks, sessions }) =>
    sessions.map((session) => [
      worker,
      session.instance,
      String(session.pid),
      session.state,
      `${session.active}/${session.concurrency}`,
      queues.join(','),
      String(tasks.length),
      session.health_port === null ? '-' : `:${session.health_port}`,
      duration(Math.max(0, now - Date.parse(session.started_at))),
    ]),
  );
  const absent = pools.filter(({ sessions }) => sessions.length === 0).map(({ worker }) => worker);
  const left = absent.length === 0 ? [] : [`No process alive: ${[...new Set(absent)].join(', ')}.`];
  return rows.length + left.length === 0
    ? ['No worker has registered yet.']
    : [...table(HEADINGS, rows, 60, columns), ...left, ...skippedLines(pools)];
}

/** Each file once, however many processes skipped it, with what one of them says about it. */
function skippedLines(pools: WorkersResponse['pools']): string[] {
  const skipped = pools.flatMap(({ worker, sessions }) =>
    sessions.flatMap(({ skipped_task_files: files = [] }) =>
      files.map(({ file, reason }) => [`${worker}: ${file}`, reason.replace(/\s+/g, ' ')] as const),
    ),
  );
  const lines = [...new Map(skipped)].map(([file, reason]) => `  ${file}: ${reason}`);
  return lines.length === 0 ? [] : ['', 'Task files that were not loaded:', ...lines];
}
