import { ApiError, NAME_PATTERN, type Organisation, routes } from '@longshore/contracts';
import { type Command, InvalidArgumentError } from 'commander';
import { CliError, usageError } from '../cli-error.ts';
import { connect, type ConnectionFlags } from '../client/connection.ts';
import { readItems } from '../client/pages.ts';
import type { Look } from '../output/look.ts';
import { table } from '../output/table.ts';
import type { Terminal } from '../output/terminal.ts';
import { addAdminConnection } from './connection-options.ts';
import { wholeNumber } from './number-option.ts';

interface ShareFlags extends ConnectionFlags {
  weight?: number;
  /** Null: the platform's default. */
  maxParallelFiles?: number | null;
  json?: true;
}

const EXAMPLES = `
Examples:
  longshore organisations
  longshore organisations create acme --weight 2
  longshore organisations update acme --weight 5 --max-parallel-files default`;

const LIST_EXAMPLES = `
Examples:
  longshore organisations list
  longshore organisations list --json`;

const CREATE_EXAMPLES = `
Examples:
  longshore organisations create acme
  longshore organisations create acme --weight 2 --max-parallel-files 8
  longshore keys create "all of acme" --kind organisation --organisation acme      and its key`;

const UPDATE_EXAMPLES = `
Examples:
  longshore organisations update acme --weight 5
  longshore organisations update acme --max-parallel-files default`;

const EVERYTHING = { limit: 1_000_000 };

/** Adds `longshore organisations` with what can be done to organisations. */
export function addOrganisations(program: Command, terminal: Terminal): void {
  const organisations = program
    .command('organisations')
    .summary('list, create and change organisations')
    .description(
      'Organisations: whom executions, workflows, deployments and keys belong to. "longshore delete organisation" deletes one.',
    )
    .addHelpText('after', EXAMPLES);
  addList(organisations, terminal);
  addCreate(organisations, terminal);
  addUpdate(organisations, terminal);
}

function addList(organisations: Command, terminal: Terminal): void {
  const command = organisations
    .command('list', { isDefault: true })
    .summary('list organisations by name')
    .description('Lists organisations by name, with their share of the workers and their limits.')
    .option('--json', "print the backend's answer as JSON")
    .addHelpText('after', LIST_EXAMPLES);
  addAdminConnection(command).action(async (flags: ConnectionFlags & { json?: true }) => {
    const client = connect('admin', flags);
    const { items } = await readItems(async (query) => {
      const page = await client.call(routes.listOrganisations, { query });
      return { items: page.organisations, next_cursor: page.next_cursor };
    }, EVERYTHING);
    const lines = flags.json
      ? [JSON.stringify({ organisations: items })]
      : organisationLines(items, terminal);
    lines.forEach(terminal.out);
  });
}

const HEADINGS = ['NAME', 'WEIGHT', 'PARALLEL FILES', 'CREATED', 'ID'];

function organisationLines(found: readonly Organisation[], look: Look): string[] {
  const rows = found.map((one) => [
    one.name,
    String(one.weight),
    one.max_parallel_files === null ? 'default' : String(one.max_parallel_files),
    one.created_at.slice(0, 10),
    one.id,
  ]);
  return found.length === 0
    ? ['There is no organisation: "longshore organisations create" makes one.']
    : table(HEADINGS, rows, {
        ...look,
        dispensable: ['CREATED', 'PARALLEL FILES', 'WEIGHT'],
        whole: ['NAME'],
      });
}

function addShare(command: Command, examples: string): Command {
  command
    .option(
      '--weight <number>',
      'share of the workers, 1 to 1000, beside others that have work waiting',
      wholeNumber,
    )
    .option(
      '--max-parallel-files <number>',
      'files of one execution at a time where its deployment does not say, 1 to 1000; or "default"',
      numberOrDefault,
    )
    .option('--json', "print the backend's answer as JSON")
    .addHelpText('after', examples);
  return addAdminConnection(command);
}

function numberOrDefault(spelled: string): number | null {
  if (spelled === 'default') return null;
  if (!/^[1-9]\d{0,8}$/.test(spelled))
    throw new InvalidArgumentError('Write a whole number from 1 on, or "default".');
  return Number(spelled);
}

function checkedName(name: string): string {
  if (NAME_PATTERN.test(name)) return name;
  throw new InvalidArgumentError('A name is a letter, then up to 99 letters, digits, "-", "_" or ".".');
}

function shareOf({ weight, maxParallelFiles }: ShareFlags) {
  return {
    ...(weight === undefined ? {} : { weight }),
    ...(maxParallelFiles === undefined ? {} : { max_parallel_files: maxParallelFiles }),
  };
}

function addCreate(organisations: Command, terminal: Terminal): void {
  const command = organisations
    .command('create')
    .summary('create an organisation')
    .description('Creates an organisation. It has no key yet: "longshore keys create" makes one.')
    .argument('<name>', 'a letter, then letters, digits, "-", "_" and "."', checkedName);
  addShare(command, CREATE_EXAMPLES).action(async (name: string, flags: ShareFlags) => {
    const made = await connect('admin', flags)
      .call(routes.createOrganisation, { body: { name, ...shareOf(flags) } })
      .catch((error: unknown) => {
        if (!(error instanceof ApiError) || error.status !== 409) throw error;
        throw new CliError(`There is an organisation ${name} already.`, { cause: error });
      });
    terminal.out(flags.json ? JSON.stringify(made) : `Created ${describe(made)}.`);
  });
}

function addUpdate(organisations: Command, terminal: Terminal): void {
  const command = organisations
    .command('update')
    .summary('change the share and limits of an organisation')
    .description('Changes what is named; executions that are accepted afterwards follow it.')
    .argument('<name>', 'an organisation');
  addShare(command, UPDATE_EXAMPLES).action(async (name: string, flags: ShareFlags) => {
    const body = shareOf(flags);
    if (Object.keys(body).length === 0)
      throw usageError('Say what to change: --weight or --max-parallel-files.');
    const changed = await connect('admin', flags).call(routes.updateOrganisation, { params: { name }, body });
    terminal.out(flags.json ? JSON.stringify(changed) : `Changed ${describe(changed)}.`);
  });
}

function describe({ name, weight, max_parallel_files: files }: Organisation): string {
  return `${name}: weight ${weight}, ${files ?? 'the default number of'} files of an execution at a time`;
}
