import {
  deliveryStateSchema,
  routes,
  type Webhook,
  WEBHOOK_EVENTS,
  type WebhookDelivery,
  type WebhookWithSecret,
} from '@longshore/contracts';
import { type Command, Option } from 'commander';
import { CliError } from '../cli-error.ts';
import type { ConnectionFlags } from '../client/connection.ts';
import { readItems } from '../client/pages.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import type { Terminal } from '../output/terminal.ts';
import { deliveryLines, webhookDetailLines, webhookLines } from '../output/webhook-lines.ts';
import { addOrganisationConnection } from './connection-options.ts';
import { connectForOrganisation } from './failure-filter.ts';
import { secondsOf } from './duration-option.ts';
import { given } from './key-options.ts';
import { deliveryId } from './id-argument.ts';
import { wholeNumber } from './number-option.ts';

interface Flags extends ConnectionFlags {
  organisation?: string;
  json?: true;
}

const EXAMPLES = `
Examples:
  longshore webhooks                                        all, with what they gathered
  longshore webhooks create accounting --to https://accounting.example.com/longshore
  longshore webhooks create alarms --to https://hooks.slack.com/services/… --form slack --events execution.failed
  longshore webhooks test accounting
  longshore webhooks deliveries accounting --state dead
  longshore webhooks replay accounting`;

/** Each command's own. */
const examples: Readonly<Record<string, string>> = {
  list: 'longshore webhooks list --json',
  create: `longshore webhooks create accounting --to https://accounting.example.com/longshore --window 60
  longshore webhooks create accounting --to https://accounting.example.com/longshore > accounting.secret`,
  change: 'longshore webhooks change accounting --window 600 --events execution.failed,execution.stopped',
  show: 'longshore webhooks show accounting',
  pause: 'longshore webhooks pause accounting',
  resume: 'longshore webhooks resume accounting',
  rotate: 'longshore webhooks rotate accounting --overlap 7d',
  test: 'longshore webhooks test accounting',
  delete: 'longshore webhooks delete accounting',
  deliveries: 'longshore webhooks deliveries accounting --state dead',
  replay: 'longshore webhooks replay accounting 019a2f6e-3c4d-7a10-8b5e-2f0c9d417a63',
};

/** Adds `longshore webhooks` with all that is done to them. */
export function addWebhooks(program: Command, terminal: Terminal): void {
  const webhooks = program
    .command('webhooks')
    .summary('tell others what ended, and see whether they heard')
    .description(
      'Webhooks tell other programs which executions and tasks ended, gathered over a time, signed.',
    )
    .addHelpText('after', EXAMPLES);
  addList(webhooks, terminal);
  addWriting(webhooks, terminal);
  addActs(webhooks, terminal);
  addRotate(webhooks, terminal);
  addDeliveries(webhooks, terminal);
  addReplay(webhooks, terminal);
}

/** The options that all of them have. */
function addConnection(command: Command): Command {
  command
    .option('--org, --organisation <name>', 'of this organisation, with the admin key')
    .option('--admin-key <key>', 'admin key for --organisation (default: as for other commands)')
    .option('--json', "print the backend's answer as JSON")
    .addHelpText('after', `\nExamples:\n  ${examples[command.name()]}`);
  return addOrganisationConnection(command);
}

function addList(webhooks: Command, terminal: Terminal): void {
  const command = webhooks
    .command('list', { isDefault: true })
    .summary('list webhooks')
    .description('Lists webhooks in the order of their names.')
    .option('--limit <number>', 'at most this many', wholeNumber, 100);
  addConnection(command).action(async (flags: Flags & { limit: number }) => {
    const client = connectForOrganisation(flags);
    const filter = given({ organisation: flags.organisation });
    const { items, next_cursor } = await readItems<Webhook>(async (page) => {
      const answer = await client.call(routes.listWebhooks, { query: { ...filter, ...page } });
      return { items: answer.webhooks, next_cursor: answer.next_cursor };
    }, flags);
    print(terminal, flags, { webhooks: items, next_cursor }, webhookLines(items, terminal));
  });
}

interface WriteFlags extends Flags {
  to?: string;
  form?: string;
  events?: string[];
  deployments?: string[];
  window?: number;
  description?: string;
}

function addWriting(webhooks: Command, terminal: Terminal): void {
  const create = webhooks
    .command('create')
    .summary('create a webhook, and print its secret')
    .description(
      'Creates a webhook, and prints its secret alone, which is never shown again: who receives checks signatures by it.',
    )
    .argument('<name>', 'how it is called')
    .requiredOption('--to <address>', 'where deliveries are posted to');
  addConnection(addFields(create)).action(async (name: string, flags: WriteFlags) => {
    const body = { name, ...given({ organisation: flags.organisation }), ...fieldsOf(flags) } as never;
    const made = await connectForOrganisation(flags).call(routes.createWebhook, { body });
    showSecret(made, webhookDetailLines(made, terminal.errorLook), { flags, terminal });
  });
  const change = webhooks
    .command('change')
    .summary('change a webhook')
    .description('Changes what is named; the rest stays as it is.')
    .argument('<name>', 'a webhook')
    .option('--to <address>', 'where deliveries are posted to, from the next try on');
  addConnection(addFields(change)).action(async (name: string, flags: WriteFlags) => {
    const client = connectForOrganisation(flags);
    const params = { id: await idOf(client, name, flags) };
    const changed = await client.call(routes.changeWebhook, { params, body: fieldsOf(flags) as never });
    print(terminal, flags, changed, webhookDetailLines(changed, terminal));
  });
}

function addFields(command: Command): Command {
  return command
    .addOption(new Option('--form <form>', 'how events are told').choices(['standard', 'slack']))
    .option('--events <types>', `what it is told of, of ${WEBHOOK_EVENTS.join(', ')}`, words)
    .option('--deployments <names>', 'of executions, only those of these deployments and pipelines', words)
    .option('--window <seconds>', 'how long events are gathered (default: 300)', wholeNumber)
    .option('--description <text>', 'what it is for');
}

function words(spelled: string): string[] {
  return spelled.split(',').filter((word) => word !== '');
}

function fieldsOf({ to: url, form, events, deployments, window, description }: WriteFlags): object {
  const fields = { url, form, events, deployments, window_seconds: window, description };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** The secret alone goes to standard output, so that a script can take it from there. */
function showSecret(
  webhook: WebhookWithSecret,
  lines: readonly string[],
  { flags, terminal }: { flags: Flags; terminal: Terminal },
): void {
  if (flags.json) return terminal.out(JSON.stringify(webhook));
  lines.forEach(terminal.err);
  terminal.err('Keep its secret: it is not shown again.');
  terminal.out(webhook.secret);
}

/** What is done to one webhook, by its name. */
function addActs(webhooks: Command, terminal: Terminal): void {
  const act = (
    name: string,
    summary: string,
    carryOut: (client: PlatformClient, id: string) => Promise<[object, readonly string[]]>,
  ) => {
    const command = webhooks
      .command(name)
      .summary(summary)
      .description(`${summary[0]!.toUpperCase()}${summary.slice(1)}.`);
    addConnection(command.argument('<name>', 'a webhook')).action(async (webhook: string, flags: Flags) => {
      const client = connectForOrganisation(flags);
      const [answer, lines] = await carryOut(client, await idOf(client, webhook, flags));
      print(terminal, flags, answer, lines);
    });
  };
  act('show', 'show a webhook', async (client, id) => {
    const webhook = await client.call(routes.webhook, { params: { id } });
    return [webhook, webhookDetailLines(webhook, terminal)];
  });
  act('pause', 'pause a webhook; it is told nothing of what ends meanwhile', async (client, id) => {
    const webhook = await client.call(routes.pauseWebhook, { params: { id } });
    return [webhook, [`${webhook.name} is paused`]];
  });
  act('resume', 'resume a webhook, also one that the platform disabled', async (client, id) => {
    const webhook = await client.call(routes.resumeWebhook, { params: { id } });
    return [webhook, [`${webhook.name} is active`]];
  });
  act('test', 'send a test event now; "deliveries" says whether it arrived', async (client, id) => {
    const delivery = await client.call(routes.testWebhook, { params: { id } });
    return [delivery, [delivery.delivery_id]];
  });
  act('delete', 'delete a webhook with its deliveries', async (client, id) => {
    return [await client.call(routes.deleteWebhook, { params: { id } }), ['Deleted.']];
  });
}

function addRotate(webhooks: Command, terminal: Terminal): void {
  const command = webhooks
    .command('rotate')
    .summary('give a webhook another secret')
    .description(
      'Gives a webhook another secret, and prints it alone: it is never shown again. Meanwhile both sign each delivery.',
    )
    .argument('<name>', 'a webhook')
    .option('--overlap <duration>', 'so long the one before signs as well: 30m, 12h, 7d or 0', '24h');
  addConnection(command).action(async (name: string, flags: Flags & { overlap: string }) => {
    const client = connectForOrganisation(flags);
    const params = { id: await idOf(client, name, flags) };
    const body = { overlap_seconds: secondsOf(flags.overlap) };
    const rotated = await client.call(routes.rotateWebhook, { params, body });
    showSecret(rotated, [`${rotated.name} has another secret`], { flags, terminal });
  });
}

function addDeliveries(webhooks: Command, terminal: Terminal): void {
  const command = webhooks
    .command('deliveries')
    .summary('list the deliveries of a webhook')
    .description('Lists what was sent, is on its way, or was given up, newest first.')
    .argument('<name>', 'a webhook')
    .addOption(new Option('--state <state>', 'only these').choices(deliveryStateSchema.options))
    .option('--limit <number>', 'at most this many', wholeNumber, 20);
  addConnection(command).action(async (name: string, flags: Flags & { state?: string; limit: number }) => {
    const client = connectForOrganisation(flags);
    const params = { id: await idOf(client, name, flags) };
    const filter = given({ state: flags.state });
    const { items, next_cursor } = await readItems<WebhookDelivery>(async (page) => {
      const answer = await client.call(routes.listDeliveries, { params, query: { ...filter, ...page } });
      return { items: answer.deliveries, next_cursor: answer.next_cursor };
    }, flags);
    print(terminal, flags, { deliveries: items, next_cursor }, deliveryLines(items, terminal));
  });
}

function addReplay(webhooks: Command, terminal: Terminal): void {
  const command = webhooks
    .command('replay')
    .summary('deliver again what was given up')
    .description('Delivers again what was given up, each under its webhook-id: one delivery, or all.')
    .argument('<name>', 'a webhook')
    .argument('[delivery id]', 'one that was given up (default: all of them)', deliveryId);
  addConnection(command).action(async (name: string, delivery: string | undefined, flags: Flags) => {
    const client = connectForOrganisation(flags);
    const id = await idOf(client, name, flags);
    if (delivery === undefined) {
      const answer = await client.call(routes.replayDeliveries, { params: { id } });
      print(terminal, flags, answer, [`${answer.replayed} are delivered again.`]);
    } else {
      const params = { id, delivery_id: delivery };
      const answer = await client.call(routes.replayDelivery, { params });
      print(terminal, flags, answer, deliveryLines([answer], terminal));
    }
  });
}

function print(terminal: Terminal, { json }: Flags, answer: object, lines: readonly string[]): void {
  for (const line of json ? [JSON.stringify(answer)] : lines) terminal.out(line);
}

/** @throws CliError when there is none of that name */
async function idOf(client: PlatformClient, name: string, { organisation }: Flags): Promise<string> {
  const { webhooks } = await client.call(routes.listWebhooks, { query: given({ name, organisation }) });
  const [first, ...others] = webhooks;
  if (first === undefined)
    throw new CliError(`There is no webhook "${name}": "longshore webhooks" lists them.`);
  if (others.length > 0)
    throw new CliError(`Several organisations have a webhook "${name}": say which with --organisation.`);
  return first.webhook_id;
}
