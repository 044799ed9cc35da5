import {
  executionStatusOf,
  type ExecutionStatus,
  type ExecutionSummary,
  type RunState,
} from '@longshore/contracts';
import { z } from 'zod';
import type { Database } from '../store/database.ts';
import { decodeCursor, pageOf } from './paging.ts';

export interface ExecutionFilter {
  /** Only executions of these organisations. */
  readonly organisationIds: readonly string[];
  /** Only executions of these deployments; undefined: of any. */
  readonly deploymentIds: readonly string[] | undefined;
  readonly status: ExecutionStatus | undefined;
  readonly tag: string | undefined;
  /** Accepted at this moment or later. */
  readonly since: Date | undefined;
  /** Accepted before this moment. */
  readonly until: Date | undefined;
  /** Beginning of a file's name or of an id. */
  readonly q: string | undefined;
  readonly limit: number;
  readonly cursor: string | undefined;
}

interface SummaryRow {
  id: string;
  organisation: string;
  kind: ExecutionSummary['kind'];
  api_name: string;
  state: RunState;
  error: string | null;
  tags: string[];
  total_files: number;
  created_at: Date;
  started_at: Date | null;
  finished_at: Date | null;
  replay_of: string | null;
  /** `created_at` with all its digits. */
  accepted: string;
}

/** Microseconds, as the database keeps them: milliseconds would let a page begin in the middle of equals. */
const cursorKey = z.tuple([z.iso.datetime({ precision: 6 }).regex(/^[1-9]/), z.uuid()]);

/**
 * One page of executions, newest first. Reads along one index for each organisation (or deployment) and each way to
 * have ended, and no further than the page: what it costs does not grow with what is stored.
 */
export async function listExecutions(
  database: Database,
  filter: ExecutionFilter,
): Promise<{ executions: ExecutionSummary[]; next_cursor: string | null }> {
  const { text, values } = listStatement(filter, await searchOf(database, filter));
  const rows = await database.query<SummaryRow & Record<string, unknown>>(text, values);
  const { items, next_cursor } = pageOf(rows, filter.limit, (row) => [row.accepted, row.id]);
  return { executions: items.map(summaryOf), next_cursor };
}

function summaryOf(row: SummaryRow): ExecutionSummary {
  return {
    execution_id: row.id,
    organisation: row.organisation,
    kind: row.kind,
    api_name: row.api_name,
    status: executionStatusOf({ state: row.state, everClaimed: row.started_at !== null }),
    error: row.error,
    tags: row.tags,
    total_files: row.total_files,
    created_at: row.created_at.toISOString(),
    started_at: row.started_at?.toISOString() ?? null,
    finished_at: row.finished_at?.toISOString() ?? null,
    replay_of: row.replay_of,
  };
}

/** What a search found: these executions, or so many that walking along the list meets them soon enough. */
type Search =
  { readonly ids: readonly string[] } | { readonly condition: string; readonly values: unknown[] };

/** Up to this many executions are looked up one by one. */
const MAX_CANDIDATES = 5_000;

async function searchOf(database: Database, { q, organisationIds }: ExecutionFilter): Promise<Search | null> {
  if (q === undefined) return null;
  const [least, greatest] = idRange(q) ?? NO_ID;
  const values = [`${q.replace(/[\\%_]/g, '\\$&')}%`, least, greatest];
  const rows = await database.query<{ id: string }>(
    `(select execution_id as id from files where organisation_id = any($4::uuid[]) and lower(name) like lower($1) limit $5)
     union
     (select id from executions where id between $2::uuid and $3::uuid limit $5)`,
    [...values, organisationIds, MAX_CANDIDATES + 1],
  );
  if (rows.length <= MAX_CANDIDATES) return { ids: rows.map((row) => row.id) };
  const condition = `(e.id between $2::uuid and $3::uuid or exists (
    select 1 from files f where f.execution_id = e.id and lower(f.name) like lower($1)))`;
  return { condition, values };
}

const NO_ID = ['ffffffff-ffff-ffff-ffff-ffffffffffff', '00000000-0000-0000-0000-000000000000'] as const;
const LEAST_ID_DIGITS = 8;

/** The ids that begin like this; null, when it is no beginning of an id or one that names no more than an hour. */
export function idRange(text: string): readonly [string, string] | null {
  const digits = text.replaceAll('-', '').toLowerCase();
  if (!/^[0-9a-f]{8,32}$/.test(digits) || digits.length < LEAST_ID_DIGITS) return null;
  return [uuidOf(digits.padEnd(32, '0')), uuidOf(digits.padEnd(32, 'f'))];
}

function uuidOf(digits: string): string {
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** A look at one run for each execution on the way: as a join it would lure the planner into reading all of `runs`. */
const STARTED_AT = '(select r.started_at from runs r where r.id = e.id)';

/** How an execution of that status stands in `executions`, and what its run adds to tell two statuses apart. */
const standing: Record<ExecutionStatus, { ending: string; run?: string }> = {
  PENDING: { ending: 'none', run: `${STARTED_AT} is null` },
  EXECUTING: { ending: 'none', run: `${STARTED_AT} is not null` },
  COMPLETED: { ending: 'succeeded' },
  ERROR: { ending: 'failed' },
  STOPPED: { ending: 'cancelled' },
};
const ALL_ENDINGS = ['none', 'succeeded', 'failed', 'cancelled'];

function listStatement(filter: ExecutionFilter, search: Search | null): { text: string; values: unknown[] } {
  // A search's own condition counts its values from $1.
  const values: unknown[] = search !== null && 'condition' in search ? [...search.values] : [];
  const parameter = (value: unknown): string => `$${values.push(value)}`;
  const wanted = filter.status && standing[filter.status];
  const conditions = conditionsOf(filter, search, parameter);
  if (wanted?.run !== undefined) conditions.push(wanted.run);
  const limit = parameter(filter.limit + 1);
  const newest = (where: string[]) =>
    `select e.* from executions e where ${where.join(' and ')} order by e.created_at desc, e.id desc limit ${limit}`;
  const endings = parameter(wanted === undefined ? ALL_ENDINGS : [wanted.ending]);
  const { column, ids } = scopeOf(filter);
  const scope = parameter(ids);
  const page =
    search !== null && 'ids' in search
      ? newest([`e.${column} = any(${scope}::uuid[])`, `e.ending = any(${endings}::text[])`, ...conditions])
      : `select w.* from unnest(${scope}::uuid[]) as s (id) cross join unnest(${endings}::text[]) as n (ending)
          cross join lateral (${newest([`e.${column} = s.id`, 'e.ending = n.ending', ...conditions])}) w
          order by w.created_at desc, w.id desc limit ${limit}`;
  return { text: summariesOf(page), values };
}

/** The column that an index begins with, and its values. Tags have an index for each organisation. */
function scopeOf({ deploymentIds, organisationIds, tag }: ExecutionFilter) {
  return deploymentIds !== undefined && tag === undefined
    ? { column: 'deployment_id', ids: deploymentIds }
    : { column: 'organisation_id', ids: organisationIds };
}

function conditionsOf(
  { cursor, since, until, tag, deploymentIds }: ExecutionFilter,
  search: Search | null,
  parameter: (value: unknown) => string,
): string[] {
  const after = decodeCursor(cursor, cursorKey);
  return [
    ...(after === null
      ? []
      : [`(e.created_at, e.id) < (${parameter(after[0])}::timestamptz, ${parameter(after[1])}::uuid)`]),
    ...(since === undefined ? [] : [`e.created_at >= ${parameter(since)}::timestamptz`]),
    ...(until === undefined ? [] : [`e.created_at < ${parameter(until)}::timestamptz`]),
    ...(tag === undefined ? [] : [`e.tags[1] = ${parameter(tag)}`]),
    ...(tag === undefined || deploymentIds === undefined
      ? []
      : [`e.deployment_id = any(${parameter(deploymentIds)}::uuid[])`]),
    ...(search === null
      ? []
      : ['ids' in search ? `e.id = any(${parameter(search.ids)}::uuid[])` : search.condition]),
  ];
}

/** What a list shows of the executions of a page. */
function summariesOf(page: string): string {
  return `
select p.id, o.name as organisation, d.kind, d.api_name, r.state, r.error ->> 'message' as error, p.tags,
       case when d.kind = 'api' then jsonb_array_length(r.input -> 'files')
            else (select count(*)::int from files f where f.execution_id = p.id) end as total_files, p.created_at, r.started_at, r.finished_at, p.replay_of,
       to_char(p.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as accepted
  from (${page}) p
  join runs r on r.id = p.id
  join deployments d on d.id = p.deployment_id
  join organisations o on o.id = p.organisation_id
 order by p.created_at desc, p.id desc`;
}
