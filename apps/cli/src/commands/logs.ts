import { ApiError, type ExecutionLogs, type LogLine, routes } from '@longshore/contracts';
import { type Clock, systemClock } from '@longshore/runtime';
import type { Command } from 'commander';
import { CliError, usageError } from '../cli-error.ts';
import { connect, type ConnectionFlags } from '../client/connection.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import { followTask, type TaskEventText } from '../client/task-events.ts';
import { oneLine } from '../output/table.ts';
import { eventLine } from '../output/task-lines.ts';
import type { Terminal } from '../output/terminal.ts';
import { addOrganisationConnection } from './connection-options.ts';
import { executionId } from './execution-argument.ts';
import { given } from './key-options.ts';

interface LogsFlags extends ConnectionFlags {
  follow?: true;
  run?: string;
  level?: string;
  json?: true;
}

const EXAMPLES = `
Examples:
  longshore logs <execution id>
  longshore logs <execution id> -f                  follow it until it ends
  longshore logs <execution id> --level warn --json
  longshore logs <task id>                          what a task said, and why attempts of it failed`;

const LOOK_EVERY_MS = 1_000;
/** Workers send what was said last a moment after the end. */
const AFTERWORD_MS = 1_500;
/** Lines of runs that speak at once become visible out of turn: the last seconds are read once more. */
const OVERLAP_MS = 3_000;
const PAGE = '1000';

/** Adds `longshore logs`. */
export function addLogs(program: Command, terminal: Terminal): void {
  const command = program
    .command('logs')
    .summary('show what an execution or a task said')
    .description('Prints the log lines of the runs of an execution or of a task, the first said first.')
    .argument('<id>', 'an execution, or a task', executionId)
    .option('-f, --follow', 'go on until it has ended')
    .option('--run <id>', 'only what this run said')
    .option('--level <level>', 'debug, info, warn or error: only lines of this level or a more severe one')
    .option('--json', 'print one JSON object for each line')
    .addHelpText('after', EXAMPLES);
  addOrganisationConnection(command).action(async (id: string, flags: LogsFlags) => {
    const client = connect('organisation', flags);
    const reader = createLogReader(client, id, given({ ...filterOf(flags) }));
    const print = (lines: readonly LogLine[]) =>
      lines.forEach((line) => terminal.out(flags.json ? JSON.stringify(line) : lineFor(line)));
    try {
      const last = await (flags.follow
        ? follow(reader, print, systemClock)
        : reader.read().then((news) => (print(news.lines), news)));
      if (last.expired) terminal.err('Its logs were removed: they were kept as long as they should be.');
    } catch (error) {
      if (!isUnknown(error)) throw error;
      await tellTask(id, { client, flags, terminal });
    }
  });
}

const isUnknown = (error: unknown) => error instanceof ApiError && error.status === 404;

/** Tells what a task said and why attempts of it failed. @throws CliError when it is no task either */
async function tellTask(
  id: string,
  { client, flags, terminal }: { client: PlatformClient; flags: LogsFlags; terminal: Terminal },
): Promise<void> {
  const isWanted = createEventFilter(flags);
  try {
    await followTask(client, id, (event) => {
      if (isWanted(event)) terminal.out(flags.json ? JSON.stringify(event) : eventLine(event));
      // What it said so far comes first.
      return flags.follow === true || event.event === 'log' || event.event === 'attempt';
    });
  } catch (error) {
    if (!isUnknown(error)) throw error;
    const message = `There is no execution and no task ${id}: "longshore executions" and "longshore tasks list" show them.`;
    throw new CliError(message, { cause: error });
  }
}

const LEVELS = ['debug', 'info', 'warn', 'error'];

function createEventFilter({ run, level = 'debug' }: LogsFlags): (event: TaskEventText) => boolean {
  const least = LEVELS.indexOf(level);
  if (least === -1) throw usageError(`--level is one of ${LEVELS.join(', ')}, not "${level}".`);
  return ({ event, data }) =>
    event === 'attempt' ||
    (event === 'log' &&
      LEVELS.indexOf(String(data['level'])) >= least &&
      (run === undefined || data['run_id'] === run));
}

function filterOf({ run, level }: LogsFlags) {
  return { run, level };
}

type News = Pick<ExecutionLogs, 'lines' | 'ended' | 'expired'>;

export interface LogReader {
  /** What was said since the last time. */
  read(): Promise<News>;
}

/** Reads the logs of an execution on from where it was, each line once. */
export function createLogReader(
  client: PlatformClient,
  id: string,
  filter: Readonly<Record<string, string>>,
): LogReader {
  let recent: LogLine[] = [];
  let after = 0;

  async function readPages(): Promise<News> {
    const lines: LogLine[] = [];
    for (let cursor: string | null = null; ;) {
      const query: Record<string, string> = { ...filter, limit: PAGE, after: String(after) };
      const page: ExecutionLogs = await client.call(routes.executionLogs, {
        params: { id },
        query: cursor === null ? query : { ...query, cursor },
      });
      lines.push(...page.lines);
      if (page.next_cursor === null) return { ...page, lines };
      cursor = page.next_cursor;
    }
  }

  return {
    async read() {
      const news = await readPages();
      const known = new Set(recent.map(({ line }) => line));
      const lines = news.lines.filter(({ line }) => !known.has(line));
      const all = [...recent, ...lines].toSorted((one, other) => one.line - other.line);
      const settled = Math.max(...all.map(({ at }) => Date.parse(at))) - OVERLAP_MS;
      const firstRecent = all.findIndex(({ at }) => Date.parse(at) > settled);
      after = all[firstRecent - 1]?.line ?? after;
      recent = all.slice(Math.max(0, firstRecent));
      return { ...news, lines };
    },
  };
}

/** Prints what is said until the execution has ended. */
export async function follow(
  reader: LogReader,
  print: (lines: readonly LogLine[]) => void,
  clock: Pick<Clock, 'sleep'>,
): Promise<News> {
  for (;;) {
    const news = await reader.read();
    print(news.lines);
    if (news.ended) {
      await clock.sleep(AFTERWORD_MS);
      const last = await reader.read();
      print(last.lines);
      return last;
    }
    await clock.sleep(LOOK_EVERY_MS);
  }
}

/** What a line looks like to a person. */
export function lineFor({ at, level, file, task, message, fields }: LogLine): string {
  const rest = fields === null || Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields)}`;
  return oneLine(`${at} ${level.toUpperCase().padEnd(5)} ${file ?? task}: ${message}${rest}`);
}
