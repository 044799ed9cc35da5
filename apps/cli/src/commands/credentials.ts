import { type Credential, CREDENTIAL_TYPES, type CredentialType, routes } from '@longshore/contracts';
import { type Command, Option } from 'commander';
import { REFERENCES_ONLY, secretValue, SecretValueError } from '../apply/secret-values.ts';
import { usageError } from '../cli-error.ts';
import type { ConnectionFlags } from '../client/connection.ts';
import { readItems } from '../client/pages.ts';
import type { Look } from '../output/look.ts';
import { table } from '../output/table.ts';
import type { Terminal } from '../output/terminal.ts';
import { addOrganisationConnection } from './connection-options.ts';
import { connectForOrganisation } from './failure-filter.ts';
import { given } from './key-options.ts';
import { wholeNumber } from './number-option.ts';

interface Flags extends ConnectionFlags {
  organisation?: string;
  json?: true;
}

interface FormFlags extends Flags {
  type: CredentialType;
  value?: string[];
  description?: string;
}

const EXAMPLES = `
Examples:
  longshore credentials                                           all, and which pipelines name them
  longshore credentials create archive --type s3 --value access_key_id=env:KEY_ID --value secret_access_key=env:KEY
  longshore credentials change archive --value access_key_id=env:KEY_ID --value secret_access_key=file:/run/secrets/key
  longshore credentials delete archive`;

const VALUE = 'a value by its key, as key=env:NAME or key=file:path, never in clear; may be repeated';

/** Each command's own. */
const examples: Readonly<Record<string, string>> = {
  list: 'longshore credentials list --json',
  show: 'longshore credentials show archive',
  create: 'longshore credentials create hook --type webhook --value secret=file:hook-secret',
  change: "longshore credentials change archive --description 'of the archive'",
  delete: 'longshore credentials delete archive',
};

/** Adds `longshore credentials` with all that is done to them. */
export function addCredentials(program: Command, terminal: Terminal): void {
  const credentials = program
    .command('credentials')
    .summary('list, create, change and delete credentials of pipelines')
    .description(
      'Credentials are what pipelines reach buckets, databases and addresses with. Their values go in and are never shown again.',
    )
    .addHelpText('after', EXAMPLES);
  addList(credentials, terminal);
  addShow(credentials, terminal);
  addCreate(credentials, terminal);
  addChange(credentials, terminal);
  addRemove(credentials, terminal);
}

/** The options that all of them have. */
function addConnection(command: Command): Command {
  command
    .option('--org, --organisation <name>', 'of this organisation, with the admin key')
    .option('--admin-key <key>', 'admin key for --organisation (default: as for other commands)')
    .option('--json', "print the backend's answer as JSON");
  command.addHelpText('after', `\nExamples:\n  ${examples[command.name()]}`);
  return addOrganisationConnection(command);
}

function addList(credentials: Command, terminal: Terminal): void {
  const command = credentials
    .command('list', { isDefault: true })
    .summary('list credentials, without their values')
    .description('Lists credentials in the order of their names, and which pipelines name them.')
    .option('--limit <number>', 'at most this many', wholeNumber, 100);
  addConnection(command).action(async (flags: Flags & { limit: number }) => {
    const client = connectForOrganisation(flags);
    const filter = given({ organisation: flags.organisation });
    const { items, next_cursor } = await readItems<Credential>(async (page) => {
      const answer = await client.call(routes.listCredentials, { query: { ...filter, ...page } });
      return { items: answer.credentials, next_cursor: answer.next_cursor };
    }, flags);
    print(terminal, flags, { credentials: items, next_cursor }, credentialLines(items, terminal));
    if (next_cursor !== null && !flags.json) terminal.err('There are more: a greater --limit shows them.');
  });
}

function addShow(credentials: Command, terminal: Terminal): void {
  const command = credentials
    .command('show')
    .summary('show a credential, without its values')
    .description('Shows what is known of a credential; its values are not.')
    .argument('<name>', 'a credential');
  addConnection(command).action(async (name: string, flags: Flags) => {
    const credential = await connectForOrganisation(flags).call(routes.credential, asked(name, flags));
    print(terminal, flags, credential, credentialLines([credential], terminal));
  });
}

function addCreate(credentials: Command, terminal: Terminal): void {
  const command = credentials
    .command('create')
    .summary('create a credential')
    .description('Creates a credential. Its values are read from the environment or from files.')
    .argument('<name>', 'how pipelines name it')
    .addOption(new Option('--type <type>', 'what it is for').choices(CREDENTIAL_TYPES).makeOptionMandatory())
    .option('--value <key=reference>', VALUE, collect)
    .option('--description <text>', 'what it is for, in words');
  addConnection(command).action(async (name: string, flags: FormFlags) => {
    const { type, value = [], description, organisation } = flags;
    const body = { name, type, values: valuesIn(value), ...given({ description, organisation }) };
    const credential = await connectForOrganisation(flags).call(routes.createCredential, { body });
    print(terminal, flags, credential, [`Created ${credential.name}.`]);
  });
}

function addChange(credentials: Command, terminal: Terminal): void {
  const command = credentials
    .command('change')
    .summary('give a credential other values')
    .description('Replaces the values of a credential as a whole, its description, or both.')
    .argument('<name>', 'a credential')
    .option('--value <key=reference>', VALUE, collect)
    .option('--description <text>', 'what it is for, in words');
  addConnection(command).action(async (name: string, flags: FormFlags) => {
    const { value, description } = flags;
    if (value === undefined && description === undefined)
      throw usageError('Say what is to be changed: --value, --description.');
    const body = { ...(value && { values: valuesIn(value) }), ...given({ description }) };
    const credential = await connectForOrganisation(flags).call(routes.changeCredential, {
      ...asked(name, flags),
      body,
    });
    print(terminal, flags, credential, [`Changed ${credential.name}.`]);
  });
}

function addRemove(credentials: Command, terminal: Terminal): void {
  const command = credentials
    .command('delete')
    .summary('delete a credential that no pipeline names')
    .description('Deletes a credential. Refused while a pipeline names it.')
    .argument('<name>', 'a credential');
  addConnection(command).action(async (name: string, flags: Flags) => {
    const answer = await connectForOrganisation(flags).call(routes.deleteCredential, asked(name, flags));
    print(terminal, flags, answer, ['Deleted.']);
  });
}

function asked(name: string, { organisation }: Flags) {
  return { params: { name }, query: given({ organisation }) };
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** @throws CliError for what is no reference, or refers to nothing */
function valuesIn(spelled: readonly string[]): Record<string, string> {
  const pairs = spelled.map((each): [string, string] => {
    const [, key, from, where] = /^([a-z_]+)=(env|file):(.+)$/s.exec(each) ?? [];
    if (key === undefined || from === undefined || where === undefined)
      throw usageError(`--value: ${REFERENCES_ONLY}, as key=env:NAME or key=file:path.`);
    try {
      return [key, secretValue({ [from]: where }, process.cwd())];
    } catch (error) {
      if (error instanceof SecretValueError) throw usageError(`--value ${key}: ${error.message}.`);
      throw error;
    }
  });
  return Object.fromEntries(pairs);
}

function credentialLines(credentials: readonly Credential[], look: Look): string[] {
  if (credentials.length === 0)
    return ['There are no credentials: "longshore credentials create" makes them.'];
  const rows = credentials.map(({ name, type, keys, pipelines, last_used_at }) => [
    ...[name, type, keys.join(', '), pipelines.join(', ') || 'none'],
    last_used_at?.slice(0, 16).replace('T', ' ') ?? 'never',
  ]);
  return table(['NAME', 'TYPE', 'KEYS', 'PIPELINES', 'LAST USED (UTC)'], rows, {
    ...look,
    dispensable: ['LAST USED (UTC)', 'PIPELINES'],
    whole: ['NAME'],
  });
}

function print(terminal: Terminal, { json }: Flags, answer: object, lines: readonly string[]): void {
  for (const line of json ? [JSON.stringify(answer)] : lines) terminal.out(line);
}
