import { type CreateKeyRequest, KEY_KINDS, KEY_STATES, type KeyView, routes } from '@longshore/contracts';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { usageError } from '../cli-error.ts';
import type { ConnectionFlags } from '../client/connection.ts';
import { readKeys } from '../client/keys.ts';
import type { Look } from '../output/look.ts';
import { table } from '../output/table.ts';
import type { Terminal } from '../output/terminal.ts';
import { addAdminConnection } from './connection-options.ts';
import { DURATION, secondsOf } from './duration-option.ts';
import { keyId } from './id-argument.ts';
import { wholeNumberFrom } from './number-option.ts';
import { connectAsManager, given } from './key-options.ts';

interface JsonFlag extends ConnectionFlags {
  json?: true;
}

interface CreateFlags extends JsonFlag {
  kind: CreateKeyRequest['kind'];
  organisation: string;
  apiName?: string;
  /** As it was called before. */
  api?: string;
  workers?: string[];
  queues?: string[];
  expiresInDays?: number;
  expiresAt?: string;
}

interface ListFlags extends JsonFlag {
  kind?: string;
  state?: string;
  organisation?: string;
}

const EXAMPLES = `
Examples:
  longshore keys create portal --kind deployment --api-name invoices
  longshore keys list
  longshore keys rotate 019a2f6e-3c4d-7a10-8b5e-2f0c9d417a63
  longshore keys revoke 019a2f6e-3c4d-7a10-8b5e-2f0c9d417a63`;

const CREATE_EXAMPLES = `
Examples:
  longshore keys create portal --kind deployment --api-name invoices
  longshore keys create "all of acme" --kind organisation --organisation acme --expires-in-days 365
  longshore keys create "gpu workers" --kind service --workers general --queues default,llm
  KEY=$(longshore keys create deploys --kind admin)`;

const LIST_EXAMPLES = `
Examples:
  longshore keys list
  longshore keys list --kind deployment --state active --organisation acme
  longshore keys list --json --api-key "$KEY"       an organisation's own deployment keys`;

const ROTATE_EXAMPLES = `
Examples:
  longshore keys rotate 019a2f6e-3c4d-7a10-8b5e-2f0c9d417a63
  longshore keys rotate 019a2f6e-3c4d-7a10-8b5e-2f0c9d417a63 --overlap 7d
  longshore keys rotate 019a2f6e-3c4d-7a10-8b5e-2f0c9d417a63 --overlap 0      the old secret ends at once`;

const REVOKE_EXAMPLES = `
Examples:
  longshore keys revoke 019a2f6e-3c4d-7a10-8b5e-2f0c9d417a63`;

/** Adds `longshore keys` with what can be done to keys. */
export function addKeys(program: Command, terminal: Terminal): void {
  const keys = program
    .command('keys')
    .summary('create, list, rotate and revoke keys')
    .description(
      'Manages keys: of administrators, organisations, deployments and workers. An admin key manages all of them, ' +
        "an organisation's key (--api-key) the deployment keys of its organisation.",
    )
    .addHelpText('after', EXAMPLES);
  addCreate(keys, terminal);
  addList(keys, terminal);
  addRotate(keys, terminal);
  addRevoke(keys, terminal);
}

function addManager(command: Command, examples: string): Command {
  command
    .option('--json', "print the backend's answer as JSON")
    .option('--api-key <key>', "an organisation's key instead of an admin key")
    .addHelpText('after', examples);
  return addAdminConnection(command);
}

function addCreate(keys: Command, terminal: Terminal): void {
  const command = keys
    .command('create <name>')
    .description('Makes a key and prints its secret, which is never shown again.')
    .addOption(new Option('--kind <kind>', 'what the key is for').choices(KEY_KINDS).makeOptionMandatory())
    .option('--org, --organisation <name>', 'organisation of an organisation or deployment key', 'default')
    .option('--api-name <name>', 'deployment or pipeline that a deployment key opens')
    .addOption(new Option('--api <name>', 'the same as --api-name').hideHelp())
    .option('--workers <names>', 'workers that may present a service key, separated by commas', commaList)
    .option('--queues <names>', 'queues that they may serve, separated by commas', commaList)
    .option('--expires-in-days <days>', 'days from now to its end, 1 to 3650 (default: no end)', DAYS)
    .option('--expires-at <moment>', 'moment of its end, for example 2027-01-31T00:00:00Z', checkedMoment);
  addManager(command, CREATE_EXAMPLES).action(async (name: string, flags: CreateFlags) => {
    const body = keyRequest(name, flags);
    const created = await connectAsManager(flags).call(routes.createKey, { body });
    showSecret(created, flags, terminal);
  });
}

const DAYS = wholeNumberFrom(1, 3650);

function checkedMoment(spelled: string): string {
  if (/^\d{4}-\d{2}-\d{2}T/.test(spelled) && !Number.isNaN(Date.parse(spelled))) return spelled;
  throw new InvalidArgumentError('Write it as 2027-01-31T00:00:00Z.');
}

function commaList(value: string): string[] {
  return value.split(',').map((part) => part.trim());
}

/** What is asked of the backend. @throws CliError that names the option that is missing */
export function keyRequest(name: string, flags: CreateFlags): CreateKeyRequest {
  const { kind, organisation, api, apiName = api, workers, queues, expiresInDays, expiresAt } = flags;
  const end = {
    ...(expiresInDays === undefined ? {} : { expires_in_days: expiresInDays }),
    ...(expiresAt === undefined ? {} : { expires_at: expiresAt }),
  };
  switch (kind) {
    case 'admin':
      return { kind, name, ...end };
    case 'organisation':
      return { kind, name, organisation, ...end };
    case 'deployment':
      return { kind, name, organisation, api_name: needed(apiName, '--api-name', kind), ...end };
    case 'service':
      return {
        kind,
        name,
        workers: needed(workers, '--workers', kind),
        queues: needed(queues, '--queues', kind),
        ...end,
      };
  }
}

function needed<T>(value: T | undefined, option: string, kind: string): T {
  if (value === undefined)
    throw usageError(`A ${kind} key needs ${option}: see "longshore keys create --help".`);
  return value;
}

/** The secret alone goes to standard output, so that a script can take it from there. */
function showSecret({ key, ...view }: KeyView & { key: string }, flags: JsonFlag, terminal: Terminal): void {
  if (flags.json) return terminal.out(JSON.stringify({ ...view, key }));
  terminal.err(`${view.kind} key "${view.name}" (${view.id})${endOf(view)}. Keep it: it is not shown again.`);
  terminal.out(key);
}

function endOf({ expires_at: end }: KeyView): string {
  return end === null ? '' : `, until ${end}`;
}

function addList(keys: Command, terminal: Terminal): void {
  const command = keys
    .command('list', { isDefault: true })
    .summary('list keys, newest first')
    .description('Lists keys, newest first, with what identifies them; never the keys themselves.')
    .addOption(new Option('--kind <kind>', 'only keys of this kind').choices(KEY_KINDS))
    .addOption(new Option('--state <state>', 'only keys in this state').choices(KEY_STATES))
    .option('--org, --organisation <name>', 'only keys of this organisation');
  addManager(command, LIST_EXAMPLES).action(async (flags: ListFlags) => {
    const { kind, state, organisation } = flags;
    const found = await readKeys(connectAsManager(flags), given({ kind, state, organisation }));
    const lines = flags.json ? [JSON.stringify({ keys: found })] : keyLines(found, terminal);
    lines.forEach(terminal.out);
  });
}

const HEADINGS = ['ID', 'KIND', 'NAME', 'KEY', 'FOR', 'STATE', 'EXPIRES', 'LAST USED'];

/** A table with one line for each key. */
export function keyLines(keys: readonly KeyView[], look: Look = {}): string[] {
  if (keys.length === 0) return ['There is no such key: "longshore keys create" makes one.'];
  const rows = keys.map((key) => [
    key.id,
    key.kind,
    key.name,
    key.hint,
    reachOf(key),
    key.state,
    minuteOf(key.expires_at),
    minuteOf(key.last_used_at),
  ]);
  return table(HEADINGS, rows, {
    ...look,
    dispensable: ['LAST USED', 'EXPIRES', 'KEY', 'FOR'],
  });
}

function reachOf({ kind, organisation, api_name, workers, queues }: KeyView): string {
  switch (kind) {
    case 'admin':
      return 'everything';
    case 'organisation':
      return organisation ?? '-';
    case 'deployment':
      return `${organisation ?? '-'}/${api_name ?? '-'}`;
    case 'service':
      return `${workers.join(',')}: ${queues.join(',')}`;
  }
}

function minuteOf(moment: string | null): string {
  return moment === null ? '-' : moment.slice(0, 16).replace('T', ' ');
}

function addRotate(keys: Command, terminal: Terminal): void {
  const command = keys
    .command('rotate')
    .argument('<id>', 'a key, as the list shows it', keyId)
    .description(
      'Makes a new key that does what this one does, and prints its secret. Both work until the overlap is over.',
    )
    .option('--overlap <time>', `how long the old secret stays good: ${DURATION}; at most 30d`, '24h');
  addManager(command, ROTATE_EXAMPLES).action(async (id: string, flags: JsonFlag & { overlap: string }) => {
    const body = { overlap_seconds: secondsOf(flags.overlap) };
    const created = await connectAsManager(flags).call(routes.rotateKey, { params: { id }, body });
    showSecret(created, flags, terminal);
  });
}

function addRevoke(keys: Command, terminal: Terminal): void {
  const command = keys
    .command('revoke')
    .argument('<id>', 'a key, as the list shows it', keyId)
    .description('Ends a key for good, at once and everywhere. The last admin key cannot be revoked.');
  addManager(command, REVOKE_EXAMPLES).action(async (id: string, flags: JsonFlag) => {
    const view = await connectAsManager(flags).call(routes.revokeKey, { params: { id } });
    terminal.out(
      flags.json ? JSON.stringify(view) : `${view.kind} key "${view.name}" (${view.hint}) is revoked.`,
    );
  });
}
