import { readFile, stat } from 'node:fs/promises';
import pg from 'pg';
import { onFreshInstance } from './drain.ts';
import type { LongHistory } from './history.ts';
import type { Sizes } from './options.ts';
import { connected, type Servers } from './servers.ts';
import { driveTrees, prepareDrain } from './work.ts';

/** How PostgreSQL carried a statement out. */
export interface StatementPlan {
  /** What it writes, and its first words. */
  readonly does: string;
  readonly times: number;
  /** Mean, ms; watching it makes it slower. */
  readonly ms: number;
  /** How it reaches each table: `runs by primary key`. */
  readonly access: readonly string[];
  /** Tables of which it read all rows although they may grow without bound. */
  readonly wholeTables: readonly string[];
  /** Rows of `runs` that it read or passed over in one go, at most. */
  readonly mostRows: number;
}

interface PlanNode {
  readonly 'Node Type': string;
  readonly Operation?: string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows'?: number;
  readonly 'Actual Loops'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly PlanNode[];
}

interface LoggedPlan {
  readonly 'Query Text': string;
  readonly Plan: PlanNode;
  readonly ms: number;
}

const SETTINGS = {
  session_preload_libraries: 'auto_explain',
  'auto_explain.log_min_duration': '0',
  'auto_explain.log_analyze': 'on',
  'auto_explain.log_timing': 'off',
  'auto_explain.log_format': 'json',
};
/** Tables that grow with what was done, not with what is under way. */
const GROWS = /^(?:runs|executions|submitted_tasks|files|attempts|run_logs)/;
/** Statements that come about as often as work does. */
const OFTEN = 10;

/**
 * Has the server write down how it really carries out the statements of a drain and of some executions, by the module that comes with
 * it, and reads them from its log.
 */
export async function takePlans(servers: Servers, sizes: Sizes, long: LongHistory): Promise<StatementPlan[]> {
  const runs = Math.min(sizes.runs, 2_000);
  const { inFlight, parcel } = sizes;
  const before = (await stat(servers.postgresLog)).size;
  await explain(servers, long.databaseUrl, true);
  try {
    await onFreshInstance(servers, 'redis', { ...sizes, ...long }, async ({ api }, door) => {
      const noops = { task: 'bench.noop', payload: 'x'.repeat(sizes.payload), parcel, count: runs };
      await (await prepareDrain(door, noops)).go();
      await driveTrees(api, 50, inFlight);
    });
  } finally {
    await explain(servers, long.databaseUrl, false);
  }
  const log = (await readFile(servers.postgresLog)).subarray(before).toString();
  return summed(plansIn(log));
}

async function explain(servers: Servers, databaseUrl: string, isWanted: boolean): Promise<void> {
  const database = pg.escapeIdentifier(new URL(databaseUrl).pathname.slice(1));
  await connected(servers.postgres.adminUrl, async (client) => {
    for (const [name, value] of Object.entries(SETTINGS))
      await client.query(
        isWanted
          ? `alter database ${database} set ${name} = ${pg.escapeLiteral(value)}`
          : `alter database ${database} reset ${name}`,
      );
  });
}

/** An entry is a line with a time, and lines that begin with a tab. */
function plansIn(log: string): LoggedPlan[] {
  const entries = log.matchAll(/LOG: {2}duration: ([\d.]+) ms {2}plan:\n((?:\t.*\n)+)/g);
  return [...entries].map(([, ms, json]) => ({
    ...(JSON.parse(json!.replaceAll(/^\t/gm, '')) as Omit<LoggedPlan, 'ms'>),
    ms: Number(ms),
  }));
}

function summed(plans: readonly LoggedPlan[]): StatementPlan[] {
  const byText = new Map<string, LoggedPlan[]>();
  for (const plan of plans) {
    const text = plan['Query Text'];
    if (isOurs(text)) continue;
    byText.set(text, [...(byText.get(text) ?? []), plan]);
  }
  return [...byText]
    .filter(([, group]) => group.length >= OFTEN)
    .map(([text, group]) => summary(text, group))
    .sort((a, b) => b.times * b.ms - a.times * a.ms);
}

/** What this measurement itself asks. */
function isOurs(text: string): boolean {
  return text.includes('bench.') || text.includes("'bench'") || /^select coalesce\(sum\(remaining/.test(text);
}

function summary(text: string, group: readonly LoggedPlan[]): StatementPlan {
  const nodes = group.flatMap(({ Plan }) => nodesOf(Plan));
  const writes = nodes.filter(({ Operation }) => Operation !== undefined);
  const reads = nodes.filter(isRead);
  const words = text.trim().replaceAll(/\s+/g, ' ').slice(0, 60);
  const operations = distinct(writes.map((node) => `${node.Operation!.toLowerCase()} ${plain(node)}`));
  return {
    does: `${operations.join(', ') || 'reads'}: \`${words}\``,
    times: group.length,
    ms: group.reduce((sum, { ms }) => sum + ms, 0) / group.length,
    access: distinct(reads.map((node) => `${plain(node)} ${way(node)}`)),
    wholeTables: distinct(
      reads
        .filter(
          (node) => node['Node Type'].includes('Seq Scan') && GROWS.test(plain(node)) && rowsOf(node) > 0,
        )
        .map(plain),
    ),
    mostRows: Math.max(0, ...reads.filter((node) => plain(node) === 'runs').map(rowsOf)),
  };
}

function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}

function isRead(node: PlanNode): boolean {
  return (
    node['Relation Name'] !== undefined && node.Operation === undefined && (node['Actual Loops'] ?? 0) > 0
  );
}

/** Partitions count as their table. */
function plain(node: PlanNode): string {
  return (node['Relation Name'] ?? '').replace(/^runs_.*/, 'runs');
}

function way(node: PlanNode): string {
  const index = node['Index Name']?.replace(/^runs_(?:\d{4}_\d\d|default)_/, '');
  return index === undefined ? `(${node['Node Type'].toLowerCase()})` : `by ${index}`;
}

function rowsOf(node: PlanNode): number {
  const loops = node['Actual Loops'] ?? 0;
  return Math.round(((node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0)) * loops);
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}
