import { AUDIT_OUTCOMES, type AuditEvent, type AuditResponse, routes } from '@longshore/contracts';
import { type Command, Option } from 'commander';
import type { ConnectionFlags } from '../client/connection.ts';
import type { PlatformClient } from '../client/platform-client.ts';
import type { Look } from '../output/look.ts';
import { table } from '../output/table.ts';
import type { Terminal } from '../output/terminal.ts';
import { addAdminConnection } from './connection-options.ts';
import { connectAsManager, given, momentOf } from './key-options.ts';
import { wholeNumber } from './number-option.ts';
import { moment } from '../output/moment.ts';

interface AuditFlags extends ConnectionFlags {
  json?: true;
  since?: string;
  until?: string;
  action?: string;
  actor?: string;
  outcome?: string;
  organisation?: string;
  limit: number;
}

const EXAMPLES = `
Examples:
  longshore audit --since 2h
  longshore audit --action 'key.*' --since 2026-05-01 --until 2026-06-01
  longshore audit --outcome refused --limit 20
  longshore audit --actor "first admin key" --json`;

const MAX_PAGE = 1000;

/** Adds `longshore audit`. */
export function addAudit(program: Command, terminal: Terminal): void {
  const command = program
    .command('audit')
    .summary('show who did what, and who was refused what')
    .description(
      'Shows the audit log, newest first: acts of administrators and organisations, and refused requests. ' +
        "An admin key reads all of it, an organisation's key (--api-key) what concerns its organisation.",
    )
    .option('--since <moment>', 'from then on: 2h (two hours ago), 2026-05-01, 2026-05-01T12:00:00Z')
    .option('--until <moment>', 'before then')
    .option('--action <action>', 'for example key.create, or key.* for all that is done to keys')
    .option('--actor <key>', 'id or name of the key that acted')
    .addOption(new Option('--outcome <outcome>', 'how it ended').choices(AUDIT_OUTCOMES))
    .option('--org, --organisation <name>', 'what concerns this organisation')
    .option('--limit <number>', 'at most this many', wholeNumber, 100)
    .option('--json', "print the backend's answer as JSON")
    .option('--api-key <key>', "an organisation's key instead of an admin key")
    .addHelpText('after', EXAMPLES);
  addAdminConnection(command).action(async (flags: AuditFlags) => {
    const found = await readEvents(connectAsManager(flags), flags, Date.now());
    const lines = flags.json ? [JSON.stringify({ events: found })] : auditLines(found, terminal);
    lines.forEach(terminal.out);
  });
}

async function readEvents(client: PlatformClient, flags: AuditFlags, now: number): Promise<AuditEvent[]> {
  const { since, until, action, actor, outcome, organisation } = flags;
  const filter = given({
    since: since === undefined ? undefined : momentOf(since, now),
    until: until === undefined ? undefined : momentOf(until, now),
    ...{ action, actor, outcome, organisation },
  });
  const found: AuditEvent[] = [];
  let left = flags.limit;
  for (let cursor: string | null = ''; cursor !== null && left > 0;) {
    const limit = String(Math.min(left, MAX_PAGE));
    const query: Record<string, string> = { ...filter, limit, ...(cursor === '' ? {} : { cursor }) };
    const page: AuditResponse = await client.call(routes.auditLog, { query });
    found.push(...page.events);
    left -= page.events.length;
    cursor = page.next_cursor;
  }
  return found;
}

const HEADINGS = ['AT', 'WHO', 'FROM', 'ACTION', 'OUTCOME', 'TIMES', 'TARGET', 'DETAIL'];

/** A table with one line for each event. */
export function auditLines(events: readonly AuditEvent[], look: Look = {}): string[] {
  if (events.length === 0) return ['Nothing of that kind is in the audit log.'];
  const rows = events.map(({ at, actor, address, action, outcome, count, target, detail }) => [
    moment(at),
    actor.key_name === null ? actor.kind : `${actor.kind} ${actor.key_name}`,
    address ?? '-',
    action,
    outcome,
    String(count),
    target ?? '-',
    detail === null ? '' : [detail['route'], detail['code']].filter(Boolean).join(' '),
  ]);
  return table(HEADINGS, rows, {
    ...look,
    dispensable: ['TIMES', 'DETAIL', 'FROM', 'TARGET'],
  });
}
