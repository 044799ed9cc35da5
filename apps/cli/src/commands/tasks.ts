import { routes, type TaskResult, taskStatusSchema } from '@longshore/contracts';
import { systemClock } from '@longshore/runtime';
import { type Command, Option } from 'commander';
import { CliError, exitCodes } from '../cli-error.ts';
import { connect, type ConnectionFlags } from '../client/connection.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import { followTask, type TaskEventText } from '../client/task-events.ts';
import { createPatientClient } from '../client/until-answered.ts';
import { eventLine, listLines, statusLine, taskDetailLines, typeLines } from '../output/task-lines.ts';
import type { Terminal } from '../output/terminal.ts';
import { type Accepted, tellAccepted, whileItGoesOn } from './accepted.ts';
import { addOrganisationConnection } from './connection-options.ts';
import { DURATION, secondsFrom, secondsOf } from './duration-option.ts';
import { taskId } from './id-argument.ts';
import { wholeNumberFrom } from './number-option.ts';
import { given, momentOf } from './key-options.ts';
import { addReplayTasks } from './replay-tasks.ts';
import { jsonObject } from './task-arguments.ts';
import { taskParameters, withLikelyType } from './task-parameters.ts';

interface TaskFlags extends ConnectionFlags {
  json?: true;
}

const EXAMPLES = `
Examples:
  longshore tasks types
  longshore tasks submit example_long_running '{"duration": 5}' --wait
  longshore tasks show <task id>                  all about it, also why an attempt failed
  longshore tasks events <task id>                follow it until it ends
  longshore tasks list --status failed -q invoice
  longshore tasks retry <task id> --parameters '{"duration": 1}'`;

/** Each command's own. */
const examples: Readonly<Record<string, string>> = {
  types: 'longshore tasks types --json',
  list: 'longshore tasks list --status failed --since 24h -q invoice',
  show: 'longshore tasks show 019a2f6e-3c4d-7a10-8b5e-2f0c9d417a63',
  delete: 'longshore tasks delete 019a2f6e-3c4d-7a10-8b5e-2f0c9d417a63',
  status: 'longshore tasks status 019a2f6e-3c4d-7a10-8b5e-2f0c9d417a63',
  result: 'longshore tasks result 019a2f6e-3c4d-7a10-8b5e-2f0c9d417a63 --wait 60',
  events: 'longshore tasks events 019a2f6e-3c4d-7a10-8b5e-2f0c9d417a63',
  submit: `longshore tasks submit example_long_running '{"duration": 5}' --priority 9 --delay 30m --wait
  longshore tasks submit example_long_running -p duration=5 --follow
  longshore tasks submit example_long_running            asks for what it needs, at a terminal`,
  retry: `longshore tasks retry 019a2f6e-3c4d-7a10-8b5e-2f0c9d417a63 --parameters '{"duration": 1}'`,
  cancel: 'longshore tasks cancel 019a2f6e-3c4d-7a10-8b5e-2f0c9d417a63',
};

const MOST_WAITED_S = 300;
const MOST_LEFT_OUT = 100_000;

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
        .command(name, { isDefault: name === 'list' })
        .summary(summary)
        .description(`${summary[0]!.toUpperCase()}${summary.slice(1)}.`)
        .addHelpText('after', `\nExamples:\n  ${examples[name]}`),
    ).option('--json', "print the platform's answer as JSON");
  addReads(sub, terminal);
  addSubmits(sub, terminal);
  addReplayTasks(tasks, terminal);
  sub('cancel', 'stop a task')
    .argument('<task_id>', 'as submitting printed it, or a list shows it', taskId)
    .action(async (id: string, flags: TaskFlags) => {
      const answer = await connect('organisation', flags).call(routes.cancelTask, { params: { id } });
      terminal.out(flags.json ? JSON.stringify(answer) : answer.message);
    });
  sub('delete', 'delete a task that has ended, with its parameters, result and logs')
    .argument('<task_id>', 'as submitting printed it, or a list shows it', taskId)
    .action(async (id: string, flags: TaskFlags) => {
      const answer = await connect('organisation', flags).call(routes.deleteTask, { params: { id } });
      terminal.out(flags.json ? JSON.stringify(answer) : `Deleted task ${id}.`);
    });
}

type Sub = (name: string, summary: string) => Command;

interface ListFlags extends TaskFlags {
  status?: string;
  task?: string;
  query?: string;
  since?: string;
  limit?: number;
  offset?: number;
}

function addReads(sub: Sub, terminal: Terminal): void {
  sub('types', 'list the types of tasks that can be submitted').action(async (flags: TaskFlags) => {
    const answer = await connect('organisation', flags).call(routes.taskTypes, {
      query: { details: 'true' },
    });
    (flags.json ? [JSON.stringify(answer)] : typeLines(answer, terminal)).forEach(terminal.out);
  });
  sub('list', 'search the history of tasks, newest first')
    .addOption(new Option('--status <status>', 'only with this status').choices(taskStatusSchema.options))
    .option('--task <name>', 'only tasks of this type')
    .option('-q, --query <text>', 'the beginning of an id, or a text in name or parameters')
    .option('--since <moment>', 'submitted at this moment or later: 2h (two hours ago), 2026-05-01, …')
    .option('--limit <n>', 'at most this many, 1 to 1000', wholeNumberFrom(1, 1000))
    .option(
      '--offset <n>',
      'leave out so many of the newest, at most 100000',
      wholeNumberFrom(0, MOST_LEFT_OUT),
    )
    .action(async ({ status, task, query, since, limit, offset, ...flags }: ListFlags) => {
      const from = since === undefined ? undefined : momentOf(since, Date.now());
      const numbers = { limit: limit?.toString(), offset: offset?.toString() };
      const filter = given({ status, task_name: task, q: query, since: from, ...numbers });
      const answer = await connect('organisation', flags).call(routes.listTasks, { query: filter });
      (flags.json ? [JSON.stringify(answer)] : listLines(answer, terminal)).forEach(terminal.out);
    });
  sub('show', 'show all about a task: parameters, times, attempts, what it waits for')
    .argument('<task_id>', 'as submitting printed it, or a list shows it', taskId)
    .action(async (id: string, flags: TaskFlags) => {
      const answer = await connect('organisation', flags).call(routes.task, { params: { id } });
      (flags.json ? [JSON.stringify(answer)] : taskDetailLines(answer)).forEach(terminal.out);
    });
  sub('status', 'show how far a task is')
    .argument('<task_id>', 'as submitting printed it, or a list shows it', taskId)
    .action(async (id: string, flags: TaskFlags) => {
      const answer = await connect('organisation', flags).call(routes.taskStatus, { params: { id } });
      terminal.out(flags.json ? JSON.stringify(answer) : statusLine(answer, terminal));
    });
  sub('result', 'print the result of a task as JSON')
    .argument('<task_id>', 'as submitting printed it, or a list shows it', taskId)
    .option('--wait [duration]', 'wait for its end, 5m at most', secondsFrom(0, MOST_WAITED_S))
    .action(async (id: string, { wait, ...flags }: TaskFlags & { wait?: number | true }) => {
      const query = wait === undefined ? {} : { wait: String(wait === true ? MOST_WAITED_S : wait) };
      const client = wait === undefined ? connect('organisation', flags) : patientClient(flags, terminal, id);
      const answer = await client.call(routes.taskResult, { params: { id }, query });
      tellResult(answer, flags, terminal);
    });
  sub('events', 'follow a task until it ends')
    .argument('<task_id>', 'as submitting printed it, or a list shows it', taskId)
    .action(async (id: string, flags: TaskFlags) => {
      const print = (event: TaskEventText) =>
        terminal.out(flags.json ? JSON.stringify(event) : eventLine(event));
      await followTask(patientClient(flags, terminal, id), id, print);
    });
}

function listOf(value: string, before: string[]): string[] {
  return [...before, value];
}

interface SubmitFlags extends TaskFlags {
  priority?: number;
  delay?: string;
  key?: string;
  parameter: string[];
  wait?: true;
  follow?: true;
}

function addSubmits(sub: Sub, terminal: Terminal): void {
  const options = (command: Command) =>
    command
      .option('--priority <n>', '-100 to 100', wholeNumberFrom(-100, 100))
      .option('--delay <time>', `not before this time is over: ${DURATION}`)
      .option('--wait', 'wait for the result and print it; exit 1 unless the task is finished')
      .option('--follow', 'as --wait, and show its progress and what it says meanwhile');
  options(sub('submit', 'submit a task, and print its id'))
    .argument('<task_name>', 'as "longshore tasks types" lists it')
    .argument('[parameters]', 'a JSON object; without, and without -p, you are asked at a terminal')
    .option(
      '-p, --parameter <name=value>',
      'one of them; the value is of the type that the task says, else JSON, else a text',
      listOf,
      [],
    )
    .option('--key <key>', 'the same key with the same request submits nothing more within a day')
    .action(async (name: string, json: string | undefined, flags: SubmitFlags) => {
      // Before somebody is asked in vain.
      const client = connect('organisation', flags);
      const given = { json, pairs: flags.parameter };
      const asking = { task: name, client, ask: flags.json ? undefined : terminal.ask, tell: terminal.err };
      const body = {
        task_name: name,
        parameters: await taskParameters(given, asking),
        priority: flags.priority ?? 0,
        delay: flags.delay === undefined ? null : secondsOf(flags.delay),
        ...(flags.key === undefined ? {} : { idempotency_key: flags.key }),
      };
      const submitted = await client
        .call(routes.submitTask, { body })
        .catch((error: unknown) => withLikelyType(error, { task: name, client }));
      await tellSubmitted(submitted, flags, terminal);
    });
  options(sub('retry', 'run a task that has ended again, as a new one'))
    .argument('<task_id>', 'as submitting printed it, or a list shows it', taskId)
    .option('--parameters <json>', 'instead of those it had')
    .action(async (id: string, { parameters, ...flags }: SubmitFlags & { parameters?: string }) => {
      const { priority } = flags;
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
  const accepted: Accepted = { kind: 'task', id: submitted.task_id };
  const waits = flags.wait === true || flags.follow === true;
  if (waits) tellAccepted(accepted, flags, terminal);
  if (submitted.warning !== undefined) terminal.err(submitted.warning);
  if (!waits) {
    terminal.out(flags.json ? JSON.stringify(submitted) : submitted.task_id);
    return;
  }
  const client = patientClient(flags, terminal);
  const ended = await whileItGoesOn(accepted, async () => {
    // On standard error: the result alone goes to standard output.
    if (flags.follow) await followTask(client, accepted.id, (event) => terminal.err(eventLine(event)));
    return await endOf(client, accepted.id);
  });
  tellResult(ended, flags, terminal);
}

/** Waits for a platform that starts anew. With an id it says how to go on when it gave up. */
function patientClient(flags: TaskFlags, terminal: Terminal, id?: string): PlatformClient {
  const advice = id === undefined ? {} : { advice: `go on with "longshore tasks result ${id} --wait"` };
  return createPatientClient(connect('organisation', flags), {
    ...{ clock: systemClock, tell: terminal.err },
    ...advice,
  });
}

async function endOf(client: PlatformClient, id: string): Promise<TaskResult> {
  for (;;) {
    const answer = await client.call(routes.taskResult, { params: { id }, query: { wait: '300' } });
    if (['finished', 'failed', 'cancelled'].includes(answer.status)) return answer;
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
