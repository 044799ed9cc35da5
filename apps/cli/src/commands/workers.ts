import { routes, type WorkersResponse } from '@longshore/contracts';
import type { Command } from 'commander';
import { connect, type ConnectionFlags } from '../client/connection.ts';
import { askWorkers } from '../client/worker-metrics.ts';
import type { Terminal } from '../output/terminal.ts';
import { statsLines, workerLines } from '../output/worker-lines.ts';
import { addAdminConnection } from './connection-options.ts';

interface WorkersFlags extends ConnectionFlags {
  active?: true;
  stats?: true;
  json?: true;
}

const EXAMPLES = `
Examples:
  longshore workers
  longshore workers --active                      without those that are about to end
  longshore workers --stats                       runs done and failed, processor, memory
  longshore workers --json --url https://docs.example.org --admin-key "$KEY"`;

/** Adds `longshore workers`. */
export function addWorkers(program: Command, terminal: Terminal): void {
  const command = program
    .command('workers')
    .summary('list the workers that are alive')
    .description(
      'Lists the worker processes that the backend hears of, with what they serve and how busy they are. One whose main loop has not turned for ' +
        'more than 3 s stands still, most likely held by the handler of a run. With --stats each is asked at its health port what it did since its start; one that cannot be reached from here has no numbers.',
    )
    .option('--active', 'only those that take work, and nothing of workers of which none is alive')
    .option('--stats', 'attempts done and failed, how long they took, processor and memory of each process')
    .option(
      '--json',
      "print the backend's answer as JSON; with --stats each session has its `stats`, or null",
    )
    .addHelpText('after', EXAMPLES);
  addAdminConnection(command).action(async (flags: WorkersFlags) => {
    const all = await connect('admin', flags).call(routes.workers);
    const answer = flags.active ? activeOf(all) : all;
    const lines = flags.stats
      ? await linesWithStats(answer, flags, terminal)
      : linesOf(answer, flags, terminal);
    lines.forEach(terminal.out);
  });
}

/** The pools that take work, with the processes that do. */
export function activeOf({ pools }: WorkersResponse): WorkersResponse {
  const active = pools.map((pool) => ({
    ...pool,
    sessions: pool.sessions.filter(({ state }) => state === 'active'),
  }));
  return { pools: active.filter(({ sessions }) => sessions.length > 0) };
}

function linesOf(answer: WorkersResponse, { json, active }: WorkersFlags, terminal: Terminal): string[] {
  if (json) return [JSON.stringify(answer)];
  if (active && answer.pools.length === 0) return ['No worker takes work.'];
  return workerLines(answer, Date.now(), terminal);
}

async function linesWithStats(
  answer: WorkersResponse,
  flags: WorkersFlags,
  terminal: Terminal,
): Promise<string[]> {
  const stats = await askWorkers(answer);
  if (!flags.json)
    return answer.pools.length === 0 ? linesOf(answer, flags, terminal) : statsLines(answer, stats, terminal);
  const pools = answer.pools.map((pool) => ({
    ...pool,
    sessions: pool.sessions.map((session) => ({ ...session, stats: stats.get(session.session_id) ?? null })),
  }));
  return [JSON.stringify({ pools })];
}
