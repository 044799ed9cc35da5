import { routes } from '@longshore/contracts';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import type { ConnectionFlags } from '../client/connection.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import type { Terminal } from '../output/terminal.ts';
import { addOrganisationConnection } from './connection-options.ts';
import { given } from './key-options.ts';

export interface ScheduleFlags extends ConnectionFlags {
  organisation?: string;
  json?: true;
}

export const SCHEDULE_EXAMPLES = `
Examples:
  longshore schedules                                             all, with the next time of each
  longshore schedules create nightly --cron '30 2 * * *' --time-zone Europe/Berlin --pipeline inbox
  longshore schedules create beat --every 15m --task example_long_running --parameters '{"duration": 2}'
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
  update: `longshore schedules update nightly --cron '0 3 * * *' --catch-up latest
  longshore schedules update beat --parameters '{"duration": 5}' --clear jitter,ends-at`,
};

/** The options that all of them have. */
export function addScheduleConnection(command: Command): Command {
  command
    .option('--org, --organisation <name>', 'of this organisation, with the admin key')
    .option('--admin-key <key>', 'admin key for --organisation (default: as for other commands)')
    .option('--json', "print the backend's answer as JSON");
  const own = examples[command.name()];
  if (own !== undefined) command.addHelpText('after', `\nExamples:\n  ${own}`);
  return addOrganisationConnection(command);
}

/** Tells the answer, as JSON if that was asked for. */
export function print(
  terminal: Terminal,
  { json }: ScheduleFlags,
  answer: object,
  lines: readonly string[],
): void {
  for (const line of json ? [JSON.stringify(answer)] : lines) terminal.out(line);
}

/** The id of a schedule. @throws CliError when there is none of that name */
export async function idOf(
  client: PlatformClient,
  name: string,
  { organisation }: ScheduleFlags,
): Promise<string> {
  const query = given({ name, organisation });
  const { schedules } = await client.call(routes.listSchedules, { query });
  const [first, ...others] = schedules;
  if (first === undefined)
    throw new CliError(`There is no schedule "${name}": "longshore schedules" lists them.`);
  if (others.length > 0)
    throw new CliError(`Several organisations have a schedule "${name}": say which with --organisation.`);
  return first.schedule_id;
}
