import { ApiError, overlapSchema, routes } from '@longshore/contracts';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { CliError, usageError } from '../cli-error.ts';
import { scheduleDetailLines } from '../output/schedule-lines.ts';
import type { Terminal } from '../output/terminal.ts';
import { DURATION, withUnit } from './duration-option.ts';
import { connectForOrganisation } from './failure-filter.ts';
import { jsonObjectGiven } from './json-option.ts';
import {
  addScheduleConnection,
  idOf,
  print,
  SCHEDULE_EXAMPLES,
  type ScheduleFlags,
} from './schedules-connection.ts';

interface CreateFlags extends ScheduleFlags {
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

/** Adds `longshore schedules create`. */
export function addCreate(schedules: Command, terminal: Terminal): void {
  const command = addForm(
    schedules
      .command('create')
      .summary('create a schedule')
      .description('Creates a schedule: of a task or a pipeline, by cron or at an interval.')
      .argument('<name>', 'how it is called'),
  )
    .option('--paused', 'create it paused')
    .addHelpText('after', SCHEDULE_EXAMPLES);
  addScheduleConnection(command).action(async (name: string, flags: CreateFlags) => {
    refuseIncomplete(flags);
    const body = { name, ...requestOf(flags) } as never;
    const detail = await inFlags(connectForOrganisation(flags).call(routes.createSchedule, { body }));
    print(terminal, flags, detail, scheduleDetailLines(detail, [], terminal));
  });
}

interface UpdateFlags extends CreateFlags {
  clear?: string[];
}

/** What can be taken away: whatever a schedule need not have. */
const CLEARABLE = [
  ...[
    'cron',
    'every',
    'time-zone',
    'task',
    'parameters',
    'priority',
    'pipeline',
    'force',
    'catch-up',
    'overlap',
  ],
  ...['starts-at', 'ends-at', 'jitter', 'description'],
];

/** Adds `longshore schedules update`. */
export function addUpdate(schedules: Command, terminal: Terminal): void {
  const command = addForm(
    schedules
      .command('update')
      .summary('change a schedule')
      .description(
        'Changes what is named of a schedule, and leaves the rest. Another kind of time takes the place of the one it has, and so ' +
          'does another kind of work.',
      )
      .argument('<name>', 'a schedule'),
  ).addOption(
    new Option('--clear <names>', `take these away, separated by commas: ${CLEARABLE.join(', ')}`).argParser(
      clearedOf,
    ),
  );
  addScheduleConnection(command).action(async (name: string, { clear = [], ...flags }: UpdateFlags) => {
    const { organisation: _organisation, ...changes } = requestOf(flags) as Record<string, unknown>;
    const body = { ...replaced(flags), ...nulled(clear), ...changes };
    if (Object.keys(body).length === 0)
      throw usageError('Nothing to change was named: add an option such as --cron, --parameters or --clear.');
    const client = connectForOrganisation(flags);
    const params = { id: await idOf(client, name, flags) };
    const detail = await inFlags(client.call(routes.changeSchedule, { params, body: body as never }));
    print(terminal, flags, detail, scheduleDetailLines(detail, [], terminal));
  });
}

function clearedOf(spelled: string): string[] {
  const names = spelled.split(',').map((name) => name.trim().replace(/^--/, ''));
  const unknown = names.filter((name) => !CLEARABLE.includes(name));
  if (unknown.length > 0) throw new InvalidArgumentError(`There is no ${unknown.join(', ')} to take away.`);
  return names;
}

const nulled = (names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name.replaceAll('-', '_'), null]));

/** What goes when its opposite comes. */
function replaced({ cron, every, task, pipeline }: CreateFlags): Record<string, null> {
  return nulled([
    ...(cron !== undefined && every === undefined ? ['every'] : []),
    ...(every !== undefined && cron === undefined ? ['cron', 'time-zone'] : []),
    ...(task !== undefined && pipeline === undefined ? ['pipeline', 'force'] : []),
    ...(pipeline !== undefined && task === undefined ? ['task', 'parameters', 'priority'] : []),
  ]);
}

/** @throws CliError in the words of the command line, before anything is sent */
function refuseIncomplete({ cron, every, task, pipeline }: CreateFlags): void {
  const problems = [
    ...(cron === undefined && every === undefined
      ? [`say when it fires, with --cron '30 2 * * *' or --every 15m`]
      : []),
    ...(cron !== undefined && every !== undefined ? ['give one of --cron and --every'] : []),
    ...(task === undefined && pipeline === undefined
      ? ['say what it begins, with --task NAME or --pipeline NAME']
      : []),
    ...(task !== undefined && pipeline !== undefined ? ['give one of --task and --pipeline'] : []),
  ];
  if (problems.length > 0) throw usageError(`Nothing was created: ${problems.join('; ')}.`);
}

/** What the platform says of a key, said of the option that wrote it. */
async function inFlags<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof ApiError) || ![400, 422].includes(error.status)) throw error;
    const problems = error.errors.map(({ attr, detail }) => `${optionOf(attr)}${detail}`);
    throw new CliError(`The platform refused: ${problems.join('; ')}.`, { cause: error });
  }
}

function optionOf(attr: string | null): string {
  if (attr === null) return '';
  const option = attr.replaceAll('_', '-');
  if (option === 'name' || option === 'organisation') return `${option}: `;
  return CLEARABLE.includes(option) ? `--${option}: ` : `--parameters, ${attr}: `;
}

/** The options that say what a schedule is. */
function addForm(command: Command): Command {
  return command
    .option('--cron <expression>', "five fields, as '30 2 * * *', or six with seconds in front")
    .option('--every <duration>', `instead of --cron: ${DURATION}`, withUnit)
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
    .option('--jitter <duration>', 'spread firings over this time', withUnit)
    .option('--description <text>', 'what it is for');
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
