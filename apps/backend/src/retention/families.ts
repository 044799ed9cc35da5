import type { SqlClient } from '../store/database.ts';
import { familyRange } from '../store/family-ids.ts';
import { doomOutputs, doomUploads } from './doomed-objects.ts';
import type { Footprint } from './footprints.ts';
import { deleteLogSlice } from './log-lines.ts';

/** Rows by table. */
export type RowCounts = Record<string, number>;

/**
 * The runs of these executions: root, children, continuations. A family lies in its root's millisecond, so each is one
 * short look into the primary key of one partition.
 */
export async function runsOfFamilies(client: SqlClient, executionIds: readonly string[]): Promise<string[]> {
  const ranges = executionIds.map((id) => familyRange([id]));
  const { rows } = await client.query<{ id: string }>(
    `select m.id from unnest($1::uuid[], $2::uuid[], $3::uuid[]) as f (root, least, greatest)
      cross join lateral (
        select r.id from runs r where r.id between f.least and f.greatest and r.root_id = f.root offset 0) m`,
    [executionIds, ranges.map(({ from }) => from), ranges.map(({ to }) => to)],
  );
  return rows.map(({ id }) => id);
}

export interface FamilyDeletion {
  readonly removed: RowCounts;
  /** False: only log lines went, as many as one transaction should hold; the same executions have to be given again. */
  readonly done: boolean;
}

/**
 * Deletes executions that have ended with everything that names them or one of their runs, and notes their objects
 * for removal. What has not ended is left alone.
 */
export async function deleteFamilies(
  client: SqlClient,
  footprints: readonly Footprint[],
  executionIds: readonly string[],
): Promise<FamilyDeletion> {
  const ended = await endedOf(client, executionIds);
  if (ended.length === 0) return { removed: {}, done: true };
  const runIds = await runsOfFamilies(client, ended);
  const lines = await deleteLogSlice(client, runIds);
  if (!lines.done) return { removed: { run_logs: lines.removed }, done: false };
  const range = familyRange(ended);
  await doomUploads(client, ended);
  await doomOutputs(client, runIds, range);
  let removed: RowCounts = { run_logs: lines.removed };
  for (const { table, run, execution } of footprints.filter(({ table }) => !ROOTS.includes(table))) {
    if (run !== undefined) removed = addCounts(removed, await removeNamed(client, table, run, runIds));
    if (execution !== undefined)
      removed = addCounts(removed, await removeNamed(client, table, execution, ended));
  }
  const runs = await client.query(
    'delete from runs where id = any($1::uuid[]) and id between $2::uuid and $3::uuid',
    [runIds, range.from, range.to],
  );
  removed['runs'] = runs.rowCount ?? 0;
  for (const table of ROOTS) removed = addCounts(removed, await removeNamed(client, table, 'id', ended));
  return { removed, done: true };
}

/** Removed last: by them the rest is found. */
const ROOTS: readonly string[] = ['executions', 'ended_executions'];

/** Terminal states have no way out, so what is said here stays true. */
async function endedOf(client: SqlClient, executionIds: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(
    `select e.id from ended_executions e
      where e.id = any($1::uuid[]) and not exists (select 1 from live_executions l where l.id = e.id)
      order by e.id for update`,
    [executionIds],
  );
  return rows.map(({ id }) => id);
}

async function removeNamed(
  client: SqlClient,
  table: string,
  column: string,
  ids: readonly string[],
): Promise<RowCounts> {
  const { rowCount } = await client.query(`delete from ${table} where ${column} = any($1::uuid[])`, [ids]);
  return { [table]: rowCount ?? 0 };
}

/** The sum of both, table by table. */
export function addCounts(one: RowCounts, other: RowCounts): RowCounts {
  const sum = { ...one };
  for (const [table, rows] of Object.entries(other)) sum[table] = (sum[table] ?? 0) + rows;
  return sum;
}
