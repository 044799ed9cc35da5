import { type Firing, overlapSchema, routes, type Schedule, type ScheduleDetail } from '@longshore/contracts';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { CliError } from '../cli-error.ts';
import type { ConnectionFlags } from '../client/connection.ts';
import { readItems } from '../client/pages.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import { firingLines, scheduleDetailLines, scheduleLines } from '../output/schedule-lines.ts';
import type { Terminal } from '../output/terminal.ts';
import { addOrganisationConnection } from './connection-options.ts';
import { connectForOrganisation } from './failure-filter.ts';
import { jsonObjectGiven } from './json-option.ts';
import { given } from './key-options.ts';
import { wholeNumber } from './number-option.ts';

interface Flags extends ConnectionFlags {
  organisation?: string;
  json?: true;
}

const EXAMPLES = `
Examples:
  longshore schedules                                             all, with the next time of each
  longshore schedules create nightly --cron '30 2 * * *' --time-zone Europe/Berlin --pipeline inbox
  longshore schedules create beat --every 15m --task example_data_processing --parameters '{"rows": 10}'
  longshore schedules show nightly --preview 10
  longshore schedules pause nightly`;

/** Each command's own, of those that need few words. */
const examples: Readonly<Record<string, string>> = {
  list: 'longshore schedules list --state paused',
  show: 'longshore schedules show nightly --preview 10',
  pause: 'longshore schedules pause nightly',
  resume: 'longshore schedules resume nightly',
  run: 'longshore schedules run nightly',
  delete: 'longshore schedules delete nightly',
  history: 'longshore schedules history nightly --outcome skipped',
};

/** Adds `longshore schedules` with all that is done to them. */
export function addSchedules(program: Command, terminal: Terminal): void {
  const schedules = program
    .command('schedules')
    .summary('list, create, pause and run schedules')
    .description('Schedules begin tasks and pipelines by themselves, by cron or at intervals.')
    .addHelpText('after', EXAMPLES);
  addList(schedules, terminal);
  addCreate(schedules, terminal);
  addShow(schedules, terminal);
  addActs(schedules, terminal);
}

/** The options that all of them have. */
function addConnection(command: Command): Command {
  command
    .option('--org, --organisation <name>', 'of this organisation, with the admin key')
    .option('--admin-key <key>', 'admin key for --organisation (default: as for other commands)')
    .option('--json', "print the backend's answer as JSON");
  const own = examples[command.name()];
  if (own !== undefined) command.addHelpText('after', `\nExamples:\n  ${own}`);
  return addOrganisationConnection(command);
}

interface ListFlags extends Flags {
  state?: string;
  limit: number;
}

function addList(schedules: Command, terminal: Terminal): void {
  const command = schedules
    .command('list', { isDefault: true })
    .summary('list schedules, with the next time of each')
    .description('Lists schedules in the order of their names.')
    .addOption(new Option('--state <state>', 'only in this state').choices(['active', 'paused', 'ended']))
    .option('--limit <number>', 'at most this many', wholeNumber, 100);
  addConnection(command).action(async (flags: ListFlags) => {
    const client = connectForOrganisation(flags);
    const filter = given({ state: flags.state, organisation: flags.organisation });
    const { items, next_cursor } = await readItems<Schedule>(async (page) => {
      const answer = await client.call(routes.listSchedules, { query: { ...filter, ...page } });
      return { items: answer.schedules, next_cursor: answer.next_cursor };
    }, flags);
    print(terminal, flags, { schedules: items, next_cursor }, scheduleLines(items));
    if (next_cursor !== null && !flags.json) terminal.err('There are more: a greater --limit shows them.');
  });
}

interface CreateFlags extends Flags {
  cron?: string;
  every?: string;
  timeZone?: string;
  task?: string;
  parameters?: string;
  priority?: number;
  pipeline?: string;
  force?: true;
  catchUp?: string;
  overlap?: string;
  startsAt?: string;
  endsAt?: string;
  jitter?: string;
  description?: string;
  paused?: true;
}

function addCreate(schedules: Command, terminal: Terminal): void {
  const command = schedules
    .command('create')
    .summary('create a schedule')
    .description('Creates a schedule: of a task or a pipeline, by cron or at an interval.')
    .argument('<name>', 'how it is called')
    .option('--cron <expression>', "five fields, as '30 2 * * *', or six with seconds in front")
    .option('--every <duration>', 'instead of --cron: 90s, 15m, 12h, 7d or 1h30m')
    .option('--time-zone <zone>', 'in which --cron is meant, as Europe/Berlin (default: UTC)')
    .option('--task <name>', 'the type of task that is submitted')
    .option('--parameters <json>', 'of the task: a JSON object, or a file that holds one')
    .option('--priority <number>', 'of the task, from -100 to 100', priorityOf)
    .option('--pipeline <pipeline_id>', 'instead of --task: the pipeline that is run')
    .option('--force', 'of the pipeline: unchanged files too')
    .addOption(
      new Option('--catch-up <rule>', 'of times that passed while the platform was down').choices([
        'skip',
        'latest',
        'all',
      ]),
    )
    .addOption(
      new Option('--overlap <rule>', 'while an earlier one has not ended').choices(overlapSchema.options),
    )
    .option('--starts-at <moment>', 'not before, as 2026-05-01T00:00:00Z')
    .option('--ends-at <moment>', 'not after')
    .option('--jitter <duration>', 'spread firings over this time')
    .option('--description <text>', 'what it is for')
    .option('--paused', 'create it paused')
    .addHelpText('after', EXAMPLES);
  addConnection(command).action(async (name: string, flags: CreateFlags) => {
    const body = { name, ...requestOf(flags) } as never;
    const detail = await connectForOrganisation(flags).call(routes.createSchedule, { body });
    print(terminal, flags, detail, scheduleDetailLines(detail, []));
  });
}

function priorityOf(spelled: string): number {
  if (!/^-?\d{1,3}$/.test(spelled)) throw new InvalidArgumentError('Write a whole number from -100 to 100.');
  return Number(spelled);
}

function requestOf({ parameters, ...flags }: CreateFlags): object {
  const { cron, every, task, priority, pipeline, force, overlap, jitter, description, paused, organisation } =
    flags;
  return Object.fromEntries(
    Object.entries({
      ...{ cron, every, task, priority, pipeline, force, overlap, jitter, description, paused, organisation },
      ...{
        time_zone: flags.timeZone,
        catch_up: flags.catchUp,
        starts_at: flags.startsAt,
        ends_at: flags.endsAt,
      },
      parameters: parameters === undefined ? undefined : jsonObjectGiven(parameters),
    }).filter(([, value]) => value !== undefined),
  );
}

function addShow(schedules: Command, terminal: Terminal): void {
  const command = schedules
    .command('show')
    .summary('show a schedule, its next times and what it fired')
    .description('Shows all about one schedule: its rules, its next times, and its latest history.')
    .argument('<name>', 'a schedule')
    .option('--preview <number>', 'so many of its next times', wholeNumber, 5)
    .option('--history <number>', 'so many lines of its history', wholeNumber, 10);
  addConnection(command).action(async (name: string, flags: Flags & { preview: number; history: number }) => {
    const client = connectForOrganisation(flags);
    const params = { id: await idOf(client, name, flags) };
    const detail: ScheduleDetail = await client.call(routes.schedule, {
      params,
      query: { preview: String(flags.preview) },
    });
    const { items } = await readItems<Firing>(
      async (page) => {
        const answer = await client.call(routes.listFirings, { params, query: page });
        return { items: answer.firings, next_cursor: answer.next_cursor };
      },
      { limit: flags.history },
    );
    print(terminal, flags, { ...detail, firings: items }, scheduleDetailLines(detail, items));
  });
}

/** What is done to one schedule, by its name. */
function addActs(schedules: Command, terminal: Terminal): void {
  const act = (
    name: string,
    summary: string,
    carryOut: (client: PlatformClient, id: string) => Promise<[object, string]>,
  ) => {
    const command = schedules
      .command(name)
      .summary(summary)
      .description(`${summary[0]!.toUpperCase()}${summary.slice(1)}.`);
    addConnection(command.argument('<name>', 'a schedule')).action(async (schedule: string, flags: Flags) => {
      const client = connectForOrganisation(flags);
      const [answer, line] = await carryOut(client, await idOf(client, schedule, flags));
      print(terminal, flags, answer, [line]);
    });
  };
  act('pause', 'pause a schedule; what it fired goes on', async (client, id) => {
    const schedule = await client.call(routes.pauseSchedule, { params: { id } });
    return [schedule, `${schedule.name} is ${schedule.state}`];
  });
  act('resume', 'resume a schedule; a pause is not caught up', async (client, id) => {
    const schedule = await client.call(routes.resumeSchedule, { params: { id } });
    const next = schedule.next_at === null ? 'it has no time left' : `next at ${schedule.next_at}`;
    return [schedule, `${schedule.name} is ${schedule.state}, ${next}`];
  });
  act('run', 'fire a schedule now, beside its times', async (client, id) => {
    const firing: Firing = await client.call(routes.runSchedule, { params: { id } });
    return [firing, firing.task_id ?? firing.execution_id ?? ''];
  });
  act('delete', 'delete a schedule with its history; what it fired goes on', async (client, id) => {
    return [await client.call(routes.deleteSchedule, { params: { id } }), 'Deleted.'];
  });
  addHistory(schedules, terminal);
}

function addHistory(schedules: Command, terminal: Terminal): void {
  const command = schedules
    .command('history')
    .summary('list what a schedule fired and what it skipped')
    .description('Lists what a schedule fired, what it skipped and why, newest first.')
    .argument('<name>', 'a schedule')
    .addOption(
      new Option('--outcome <outcome>', 'only these').choices(['fired', 'waiting', 'skipped', 'failed']),
    )
    .option('--limit <number>', 'at most this many lines', wholeNumber, 20);
  addConnection(command).action(async (name: string, flags: Flags & { outcome?: string; limit: number }) => {
    const client = connectForOrganisation(flags);
    const params = { id: await idOf(client, name, flags) };
    const filter = given({ outcome: flags.outcome });
    const { items, next_cursor } = await readItems<Firing>(async (page) => {
      const answer = await client.call(routes.listFirings, { params, query: { ...filter, ...page } });
      return { items: answer.firings, next_cursor: answer.next_cursor };
    }, flags);
    print(terminal, flags, { firings: items, next_cursor }, firingLines(items));
  });
}

function print(terminal: Terminal, { json }: Flags, answer: object, lines: readonly string[]): void {
  for (const line of json ? [JSON.stringify(answer)] : lines) terminal.out(line);
}

/** @throws CliError when there is none of that name */
async function idOf(client: PlatformClient, name: string, { organisation }: Flags): Promise<string> {
  const query = given({ name, organisation });
  const { schedules } = await client.call(routes.listSchedules, { query });
  const [first, ...others] = schedules;
  if (first === undefined)
    throw new CliError(`There is no schedule "${name}": "longshore schedules" lists them.`);
  if (others.length > 0)
    throw new CliError(`Several organisations have a schedule "${name}": say which with --organisation.`);
  return first.schedule_id;
}
