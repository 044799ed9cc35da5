import { type QueuesResponse, routes } from '@longshore/contracts';
import type { Command } from 'commander';
import { connect, type ConnectionFlags } from '../client/connection.ts';
import { duration } from '../output/duration.ts';
import type { Look } from '../output/look.ts';
import { table } from '../output/table.ts';
import type { Terminal } from '../output/terminal.ts';
import { addAdminConnection } from './connection-options.ts';

interface QueuesFlags extends ConnectionFlags {
  json?: true;
}

const EXAMPLES = `
Examples:
  longshore queues
  longshore queues --json`;

const HEADINGS = ['QUEUE', 'QUEUED', 'DUE', 'RUNNING', 'OLDEST', 'SERVED'];

/** Adds `longshore queues`. */
export function addQueues(program: Command, terminal: Terminal): void {
  const command = program
    .command('queues')
    .summary('show how much work waits in each queue')
    .description(
      'Shows the depth of each queue as the database knows it, and whether a live worker serves it.',
    )
    .option('--json', "print the backend's answer as JSON")
    .addHelpText('after', EXAMPLES);
  addAdminConnection(command).action(async (flags: QueuesFlags) => {
    const answer = await connect('admin', flags).call(routes.queues);
    const lines = flags.json ? [JSON.stringify(answer)] : queueLines(answer, terminal);
    lines.forEach(terminal.out);
  });
}

/** A table with one line for each queue. */
export function queueLines({ queues }: QueuesResponse, look: Look = {}): string[] {
  if (queues.length === 0)
    return ['There is no queue yet: workers make those that they serve, and "longshore up" starts them.'];
  const rows = queues.map(({ queue, queued, due, running, oldest_age_ms: age, served }) => [
    queue,
    String(queued),
    String(due),
    String(running),
    age === null ? '-' : duration(age),
    served ? 'yes' : 'NO',
  ]);
  return table(HEADINGS, rows, { ...look, dispensable: ['OLDEST', 'DUE'], whole: ['QUEUE'] });
}
