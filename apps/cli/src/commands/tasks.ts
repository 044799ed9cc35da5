import { routes, type TaskList, type TaskResult, type TaskTypes } from '@longshore/contracts';
import type { Command } from 'commander';
import { CliError, exitCodes } from '../cli-error.ts';
import { connect, type ConnectionFlags } from '../client/connection.ts';
import { followTask, type TaskEventText } from '../client/task-events.ts';
import { oneLine, table } from '../output/table.ts';
import type { Terminal } from '../output/terminal.ts';
import { addOrganisationConnection } from './connection-options.ts';
import { given, momentOf, secondsOf } from './key-options.ts';
import { jsonObject, numberOf } from './task-arguments.ts';

interface TaskFlags extends ConnectionFlags {
  json?: true;
}

const EXAMPLES = `
Examples:
  longshore tasks types
  longshore tasks submit example_long_running '{"duration": 5}' --wait
  longshore tasks events <task id>                follow it until it ends
  longshore tasks list --status failed -q invoice
  longshore tasks retry <task id> --parameters '{"duration": 1}'`;

/** Each command's own. */
const examples: Readonly<Record<string, string>> = {
  types: 'longshore tasks types --json',
  list: 'longshore tasks list --status failed --since 24h -q invoice',
  status: 'longshore tasks status 019a2f6e-3c4d-7a10-8b5e-2f0c9d417a63',
  result: 'longshore tasks result 019a2f6e-3c4d-7a10-8b5e-2f0c9d417a63 --wait 60',
  events: 'longshore tasks events 019a2f6e-3c4d-7a10-8b5e-2f0c9d417a63',
  submit: `longshore tasks submit example_long_running '{"duration": 5}' --priority 9 --delay 30m --wait`,
  retry: `longshore tasks retry 019a2f6e-3c4d-7a10-8b5e-2f0c9d417a63 --parameters '{"duration": 1}'`,
  cancel: 'longshore tasks cancel 019a2f6e-3c4d-7a10-8b5e-2f0c9d417a63',
};

/** Adds `longshore tasks`. */
export function addTasks(program: Command, terminal: Terminal): void {
  const tasks = program
    .command('tasks')
    .summary('submit single tasks, follow and repeat them')
    .description('Single pieces of work of any type that a worker registered.')
    .addHelpText('after', EXAMPLES);
  const sub = (name: string, summary: string) =>
    addOrganisationConnection(
      tasks
        .command(name)
        .summary(summary)
        .description(`${summary[0]!.toUpperCase()}${summary.slice(1)}.`)
        .addHelpText('after', `\nExamples:\n  ${examples[name]}`),
    ).option('--json', "print the platform's answer as JSON");
  addReads(sub, terminal);
  addSubmits(sub, terminal);
  sub('cancel', 'stop a task')
    .argument('<task_id>', 'as submitting printed it, or a list shows it')
    .action(async (id: string, flags: TaskFlags) => {
      const answer = await connect('organisation', flags).call(routes.cancelTask, { params: { id } });
      terminal.out(flags.json ? JSON.stringify(answer) : answer.message);
    });
}

type Sub = (name: string, summary: string) => Command;

interface ListFlags extends TaskFlags {
  status?: string;
  task?: string;
  query?: string;
  since?: string;
  limit?: string;
  offset?: string;
}

function addReads(sub: Sub, terminal: Terminal): void {
  sub('types', 'list the types of tasks that can be submitted').action(async (flags: TaskFlags) => {
    const answer = await connect('organisation', flags).call(routes.taskTypes, {
      query: { details: 'true' },
    });
    (flags.json ? [JSON.stringify(answer)] : typeLines(answer)).forEach(terminal.out);
  });
  sub('list', 'search the history of tasks, newest first')
    .option('--status <status>', 'queued, deferred, started, finished, failed or cancelled')
    .option('--task <name>', 'only tasks of this type')
    .option('-q, --query <text>', 'the beginning of an id, or a text in name or parameters')
    .option('--since <moment>', 'submitted at this moment or later: 2h (two hours ago), 2026-05-01, …')
    .option('--limit <n>', 'at most this many, 1 to 1000')
    .option('--offset <n>', 'leave out so many of the newest')
    .action(async ({ status, task, query, since, limit, offset, ...flags }: ListFlags) => {
      const from = since === undefined ? undefined : momentOf(since, Date.now());
      const filter = given({ status, task_name: task, q: query, since: from, limit, offset });
      const answer = await connect('organisation', flags).call(routes.listTasks, { query: filter });
      (flags.json ? [JSON.stringify(answer)] : listLines(answer)).forEach(terminal.out);
    });
  sub('status', 'show how far a task is')
    .argument('<task_id>', 'as submitting printed it, or a list shows it')
    .action(async (id: string, flags: TaskFlags) => {
      const answer = await connect('organisation', flags).call(routes.taskStatus, { params: { id } });
      terminal.out(flags.json ? JSON.stringify(answer) : statusLine(answer));
    });
  sub('result', 'print the result of a task as JSON')
    .argument('<task_id>', 'as submitting printed it, or a list shows it')
    .option('--wait [seconds]', 'wait for its end, 300 seconds at most')
    .action(async (id: string, { wait, ...flags }: TaskFlags & { wait?: string | true }) => {
      const query = wait === undefined ? {} : { wait: wait === true ? '300' : wait };
      const answer = await connect('organisation', flags).call(routes.taskResult, { params: { id }, query });
      tellResult(answer, flags, terminal);
    });
  sub('events', 'follow a task until it ends')
    .argument('<task_id>', 'as submitting printed it, or a list shows it')
    .action(async (id: string, flags: TaskFlags) => {
      const print = (event: TaskEventText) =>
        terminal.out(flags.json ? JSON.stringify(event) : eventLine(event));
      await followTask(connect('organisation', flags), id, print);
    });
}

interface SubmitFlags extends TaskFlags {
  priority?: string;
  delay?: string;
  key?: string;
  wait?: true;
}

function addSubmits(sub: Sub, terminal: Terminal): void {
  const options = (command: Command) =>
    command
      .option('--priority <n>', '-100 to 100')
      .option('--delay <time>', 'not before this time is over: 90s, 30m, 24h')
      .option('--wait', 'wait for the result and print it; exit 1 unless the task is finished');
  options(sub('submit', 'submit a task, and print its id'))
    .argument('<task_name>', 'as "longshore tasks types" lists it')
    .argument('[parameters]', 'a JSON object', '{}')
    .option('--key <key>', 'the same key with the same request submits nothing more within a day')
    .action(async (name: string, parameters: string, flags: SubmitFlags) => {
      const body = {
        task_name: name,
        parameters: jsonObject(parameters),
        priority: numberOf('--priority', flags.priority) ?? 0,
        delay: flags.delay === undefined ? null : secondsOf(flags.delay),
        ...(flags.key === undefined ? {} : { idempotency_key: flags.key }),
      };
      await tellSubmitted(
        await connect('organisation', flags).call(routes.submitTask, { body }),
        flags,
        terminal,
      );
    });
  options(sub('retry', 'run a task that has ended again, as a new one'))
    .argument('<task_id>', 'as submitting printed it, or a list shows it')
    .option('--parameters <json>', 'instead of those it had')
    .action(async (id: string, { parameters, ...flags }: SubmitFlags & { parameters?: string }) => {
      const priority = numberOf('--priority', flags.priority);
      const body = {
        ...(parameters === undefined ? {} : { parameters: jsonObject(parameters) }),
        ...(priority === undefined ? {} : { priority }),
        delay: flags.delay === undefined ? null : secondsOf(flags.delay),
      };
      const call = connect('organisation', flags).call(routes.retryTask, { params: { id }, body });
      await tellSubmitted(await call, flags, terminal);
    });
}

async function tellSubmitted(
  submitted: { task_id: string; warning?: string | undefined },
  flags: SubmitFlags,
  terminal: Terminal,
): Promise<void> {
  if (submitted.warning !== undefined) terminal.err(submitted.warning);
  if (!flags.wait) {
    terminal.out(flags.json ? JSON.stringify(submitted) : submitted.task_id);
    return;
  }
  const client = connect('organisation', flags);
  for (;;) {
    const params = { id: submitted.task_id };
    const answer = await client.call(routes.taskResult, { params, query: { wait: '300' } });
    if (['finished', 'failed', 'cancelled'].includes(answer.status)) {
      tellResult(answer, flags, terminal);
      return;
    }
  }
}

/** @throws CliError unless it is finished */
function tellResult(answer: TaskResult, flags: TaskFlags, terminal: Terminal): void {
  if (flags.json || answer.result !== null || answer.status === 'finished')
    terminal.out(JSON.stringify(flags.json ? answer : answer.result));
  if (answer.status === 'finished') return;
  const isOver = answer.status === 'failed' || answer.status === 'cancelled';
  const why = answer.error === null ? '' : `: ${answer.error.message}`;
  throw new CliError(`Task ${answer.task_id} is ${answer.status}${why}`, {
    exitCode: isOver ? exitCodes.failed : exitCodes.unfinished,
  });
}

function typeLines({ details = [] }: TaskTypes): string[] {
  if (details.length === 0) return ['No worker has registered a task yet.'];
  const rows = details.map(({ name, group, queue, served, description }) => [
    ...[name, group, queue, served ? 'yes' : 'NO', description],
  ]);
  return table(['TASK', 'GROUP', 'QUEUE', 'SERVED', 'DESCRIPTION'], rows, 60);
}

function listLines({ tasks, total, total_is_exact: isExact, offset, has_more: hasMore }: TaskList): string[] {
  if (tasks.length === 0) return ['There is no such task.'];
  const rows = tasks.map(({ task_id, task_name, status, created_at, error }) => [
    ...[task_id, task_name, status, created_at, error ?? ''],
  ]);
  const end = hasMore
    ? [
        `${tasks.length} of ${isExact ? '' : 'more than '}${total}; go on with --offset ${offset + tasks.length}`,
      ]
    : [];
  return [...table(['ID', 'TASK', 'STATUS', 'SUBMITTED', 'ERROR'], rows), ...end];
}

function statusLine({ status, progress, error }: Pick<TaskResult, 'status' | 'progress' | 'error'>): string {
  const percentage = progress?.percentage == null ? '' : ` ${progress.percentage} %`;
  const message = error?.message ?? progress?.message ?? '';
  return oneLine(`${status}${percentage} ${message}`);
}

function eventLine({ event, data }: TaskEventText): string {
  if (event === 'log') {
    const fields =
      data['fields'] === null || data['fields'] === undefined ? '' : JSON.stringify(data['fields']);
    return oneLine(
      `${data['at']} ${String(data['level']).toUpperCase()} ${data['message']} ${fields}`,
    ).trimEnd();
  }
  if (event === 'progress') return oneLine(`progress ${data['percentage'] ?? ''} ${data['message'] ?? ''}`);
  const attempt =
    typeof data['attempt'] === 'number' && data['attempt'] > 1 ? ` (attempt ${data['attempt']})` : '';
  const error = data['error'] as { code: string; message: string } | null | undefined;
  return oneLine(`${event} ${data['status']}${attempt}${error ? `: ${error.message} (${error.code})` : ''}`);
}
