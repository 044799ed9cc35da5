import { type Firing, routes, type Schedule, type ScheduleDetail } from '@longshore/contracts';
import { type Command, Option } from 'commander';
import { readItems } from '../client/pages.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import { firingLines, scheduleDetailLines, scheduleLines } from '../output/schedule-lines.ts';
import type { Terminal } from '../output/terminal.ts';
import { connectForOrganisation } from './failure-filter.ts';
import { given } from './key-options.ts';
import { wholeNumber } from './number-option.ts';
import {
  addScheduleConnection,
  idOf,
  print,
  SCHEDULE_EXAMPLES,
  type ScheduleFlags,
} from './schedules-connection.ts';
import { addCreate, addUpdate } from './schedules-form.ts';

/** Adds `longshore schedules` with all that is done to them. */
export function addSchedules(program: Command, terminal: Terminal): void {
  const schedules = program
    .command('schedules')
    .summary('list, create, pause and run schedules')
    .description('Schedules begin tasks and pipelines by themselves, by cron or at intervals.')
    .addHelpText('after', SCHEDULE_EXAMPLES);
  addList(schedules, terminal);
  addCreate(schedules, terminal);
  addUpdate(schedules, terminal);
  addShow(schedules, terminal);
  addActs(schedules, terminal);
}

interface ListFlags extends ScheduleFlags {
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
  addScheduleConnection(command).action(async (flags: ListFlags) => {
    const client = connectForOrganisation(flags);
    const filter = given({ state: flags.state, organisation: flags.organisation });
    const { items, next_cursor } = await readItems<Schedule>(async (page) => {
      const answer = await client.call(routes.listSchedules, { query: { ...filter, ...page } });
      return { items: answer.schedules, next_cursor: answer.next_cursor };
    }, flags);
    print(terminal, flags, { schedules: items, next_cursor }, scheduleLines(items, terminal));
    if (next_cursor !== null && !flags.json) terminal.err('There are more: a greater --limit shows them.');
  });
}

function addShow(schedules: Command, terminal: Terminal): void {
  const command = schedules
    .command('show')
    .summary('show a schedule, its next times and what it fired')
    .description('Shows all about one schedule: its rules, its next times, and its latest history.')
    .argument('<name>', 'a schedule')
    .option('--preview <number>', 'so many of its next times', wholeNumber, 5)
    .option('--history <number>', 'so many lines of its history', wholeNumber, 10);
  addScheduleConnection(command).action(
    async (name: string, flags: ScheduleFlags & { preview: number; history: number }) => {
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
      print(terminal, flags, { ...detail, firings: items }, scheduleDetailLines(detail, items, terminal));
    },
  );
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
    addScheduleConnection(command.argument('<name>', 'a schedule')).action(
      async (schedule: string, flags: ScheduleFlags) => {
        const client = connectForOrganisation(flags);
        const [answer, line] = await carryOut(client, await idOf(client, schedule, flags));
        print(terminal, flags, answer, [line]);
      },
    );
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
  addScheduleConnection(command).action(
    async (name: string, flags: ScheduleFlags & { outcome?: string; limit: number }) => {
      const client = connectForOrganisation(flags);
      const params = { id: await idOf(client, name, flags) };
      const filter = given({ outcome: flags.outcome });
      const { items, next_cursor } = await readItems<Firing>(async (page) => {
        const answer = await client.call(routes.listFirings, { params, query: { ...filter, ...page } });
        return { items: answer.firings, next_cursor: answer.next_cursor };
      }, flags);
      print(terminal, flags, { firings: items, next_cursor }, firingLines(items, terminal));
    },
  );
}
