import { ApiError, type ExecutionLogs, type LoggedAttempt, type LogLine, routes } from '@longshore/contracts';
import { type Clock, systemClock } from '@longshore/runtime';
import { type Command, Option } from 'commander';
import { CliError, usageError } from '../cli-error.ts';
import { connect, type ConnectionFlags } from '../client/connection.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import { followTask, type TaskEventText } from '../client/task-events.ts';
import { createPatientClient } from '../client/until-answered.ts';
import { attemptWords } from '../output/attempt-words.ts';
import { oneLine, spacedLine } from '../output/table.ts';
import { eventLine } from '../output/task-lines.ts';
import type { Terminal } from '../output/terminal.ts';
import { addOrganisationConnection } from './connection-options.ts';
import { executionId, runId } from './id-argument.ts';
import { given } from './key-options.ts';

interface LogsFlags extends ConnectionFlags {
  follow?: true;
  run?: string;
  level?: string;
  json?: true;
}

const EXAMPLES = `
Examples:
  longshore logs <execution id>                     what its runs said, and which of them failed or lost their worker
  longshore logs <execution id> -f                  follow it until it ends
  longshore logs <task id> -f                       follow a task, also what it says while it works
  longshore logs <execution id> --level warn --json
  longshore logs <task id>                          what a task said, and why it or attempts of it failed`;

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
    .description(
      'Prints the log lines of the runs of an execution or of a task, the first said first, and between them which attempts failed, were ' +
        'handed back, or lost their worker. Says on standard error when there is nothing.',
    )
    .argument('<id>', 'an execution, or a task', executionId)
    .option('-f, --follow', 'go on until it has ended')
    .option('--run <id>', 'only what this run said', runId)
    .addOption(
      new Option('--level <level>', 'only lines of this level or a more severe one').choices([
        ...['debug', 'info', 'warn', 'error'],
      ]),
    )
    .option('--json', 'print one JSON object for each line')
    .addHelpText('after', EXAMPLES);
  addOrganisationConnection(command).action(async (id: string, flags: LogsFlags) => {
    const client = clientFor(id, flags, terminal);
    const reader = createLogReader(client, id, given({ ...filterOf(flags) }));
    let isSilent = true;
    const print = (lines: readonly LogLine[]) => {
      isSilent &&= lines.length === 0;
      lines.forEach((line) => terminal.out(flags.json ? JSON.stringify(line) : lineFor(line)));
    };
    try {
      const last = await (flags.follow
        ? follow(reader, print, systemClock)
        : reader.read().then((news) => (print(news.lines), news)));
      if (last.expired) terminal.err('Its logs were removed: they were kept as long as they should be.');
      else if (isSilent) terminal.err(last.ended ? NOTHING : NOTHING_YET);
    } catch (error) {
      if (!isUnknown(error)) throw error;
      await tellTask(id, { client, flags, terminal });
    }
  });
}

/** Whoever follows waits for a platform that starts anew. */
function clientFor(id: string, flags: LogsFlags, terminal: Terminal): PlatformClient {
  const client = connect('organisation', flags);
  if (!flags.follow) return client;
  const advice = `go on with "longshore logs ${id} -f"`;
  return createPatientClient(client, { clock: systemClock, tell: terminal.err, advice });
}

const NOTHING = 'Nothing was said.';
const NOTHING_YET = 'Nothing was said so far.';

const isUnknown = (error: unknown) => error instanceof ApiError && error.status === 404;

/** Tells what a task said and why attempts of it failed. @throws CliError when it is no task either */
async function tellTask(
  id: string,
  { client, flags, terminal }: { client: PlatformClient; flags: LogsFlags; terminal: Terminal },
): Promise<void> {
  const isWanted = createEventFilter(flags);
  const isFollowed = flags.follow === true;
  const print = (event: TaskEventText) =>
    terminal.out(flags.json ? JSON.stringify(event) : lineOfTask(event));
  const wanted: TaskEventText[] = [];
  let [isSilent, hasEnded] = [true, false];
  try {
    await followTask(client, id, (event) => {
      hasEnded ||= event.event === 'end';
      if (isWanted(event)) {
        isSilent = false;
        if (isFollowed) print(event);
        else wanted.push(event);
      }
      // What it said so far comes first. One that has ended says at its end why it failed.
      return isFollowed || isTold(event) || isOver(event);
    });
    // The platform tells all that was said, and then how each attempt ended.
    wanted.toSorted((one, other) => momentOf(one) - momentOf(other)).forEach(print);
    if (isSilent) terminal.err(hasEnded ? NOTHING : NOTHING_YET);
  } catch (error) {
    if (!isUnknown(error)) throw error;
    const message = `There is no execution and no task ${id}: "longshore executions" and "longshore tasks list" show them.`;
    throw new CliError(message, { cause: error });
  }
}

const momentOf = ({ event, data }: TaskEventText) =>
  event === 'end' ? Number.POSITIVE_INFINITY : Date.parse(String(data['at'] ?? data['ended_at']));

const isTold = ({ event }: TaskEventText) => ['log', 'attempt', 'progress'].includes(event);

const isOver = ({ data }: TaskEventText) =>
  ['finished', 'failed', 'cancelled'].includes(String(data['status']));

function lineOfTask(event: TaskEventText): string {
  if (event.event !== 'end') return eventLine(event);
  const error = event.data['error'] as { code: string; message: string };
  return oneLine(`${event.data['finished_at']} ${event.data['status']}: ${error.message} (${error.code})`);
}

const LEVELS = ['debug', 'info', 'warn', 'error'];

function createEventFilter({ run, level = 'debug' }: LogsFlags): (event: TaskEventText) => boolean {
  const least = LEVELS.indexOf(level);
  if (least === -1) throw usageError(`--level is one of ${LEVELS.join(', ')}, not "${level}".`);
  return ({ event, data }) =>
    event === 'attempt' ||
    (event === 'end' && data['error'] != null) ||
    (event === 'log' &&
      LEVELS.indexOf(String(data['level'])) >= least &&
      (run === undefined || data['run_id'] === run));
}

function filterOf({ run, level }: LogsFlags) {
  return { run, level };
}

type News = Pick<ExecutionLogs, 'lines' | 'ended' | 'expired'>;

type Page = News & Pick<ExecutionLogs, 'attempts'>;

const keyOf = ({ run_id: run, start, final }: LoggedAttempt) => `${run} ${start} ${final}`;

/** An attempt that did not do what it should, as if its run had said so. No line of the log: its number is 0. */
function lineOf(attempt: LoggedAttempt): LogLine {
  const { run_id, task, file, ended_at: at, final, outcome } = attempt;
  const level = final || outcome === 'failed' ? 'error' : 'warn';
  return { ...{ line: 0, run_id, task, file, at, level }, message: attemptWords(attempt), fields: null };
}

/** Lines in their order, and each of the others behind what was said until its moment. */
function inOrder(lines: readonly LogLine[], others: readonly LogLine[]): LogLine[] {
  const all = [...lines];
  for (const other of others) {
    const last = all.findLastIndex(({ at }) => at <= other.at);
    all.splice(last + 1, 0, other);
  }
  return all;
}

export interface LogReader {
  /** What was said since the last time, and which attempts ended badly. */
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
  const told = new Set<string>();

  async function readPages(): Promise<Page> {
    const lines: LogLine[] = [];
    const attempts: LoggedAttempt[] = [];
    for (let cursor: string | null = null; ;) {
      const query: Record<string, string> = { ...filter, limit: PAGE, after: String(after) };
      const page: ExecutionLogs = await client.call(routes.executionLogs, {
        params: { id },
        query: cursor === null ? query : { ...query, cursor },
      });
      lines.push(...page.lines);
      attempts.push(...page.attempts);
      if (page.next_cursor === null) return { ...page, lines, attempts };
      cursor = page.next_cursor;
    }
  }

  return {
    async read() {
      const news = await readPages();
      const attempts = news.attempts.filter((attempt) => !told.has(keyOf(attempt)));
      for (const attempt of attempts) told.add(keyOf(attempt));
      const known = new Set(recent.map(({ line }) => line));
      const lines = news.lines.filter(({ line }) => !known.has(line));
      const all = [...recent, ...lines].toSorted((one, other) => one.line - other.line);
      const settled = Math.max(...all.map(({ at }) => Date.parse(at))) - OVERLAP_MS;
      const firstRecent = all.findIndex(({ at }) => Date.parse(at) > settled);
      after = all[firstRecent - 1]?.line ?? after;
      recent = all.slice(Math.max(0, firstRecent));
      return { ...news, lines: inOrder(lines, attempts.map(lineOf)) };
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
  const head = oneLine(`${at} ${level.toUpperCase().padEnd(5)} ${file ?? task}:`);
  return `${head} ${spacedLine(`${message}${rest}`)}`;
}
