import type { SqlClient } from '../store/database.ts';

/** One statement deletes at most this many log lines. */
const SLICE = 5_000;

/** What a statement removed, and whether nothing is left of it. */
export interface LogSlice {
  readonly removed: number;
  readonly done: boolean;
}

/** Deletes a bounded number of log lines of these runs. */
export async function deleteLogSlice(client: SqlClient, runIds: readonly string[]): Promise<LogSlice> {
  const { rowCount } = await client.query(
    `delete from run_logs where id = any(array(
       select l.id from unnest($1::uuid[]) as r (id)
        cross join lateral (select id from run_logs where run_id = r.id order by id limit $2::int) l
        limit $2::int))`,
    [runIds, SLICE],
  );
  return { removed: rowCount ?? 0, done: (rowCount ?? 0) < SLICE };
}

/** Deletes a bounded number of log lines of the runs from `from` on and before `to`. */
export async function deleteLogRange(client: SqlClient, from: string, to: string): Promise<LogSlice> {
  const { rowCount } = await client.query(
    `delete from run_logs where id = any(array(
       select id from run_logs where run_id >= $1::uuid and run_id < $2::uuid order by run_id, id limit $3::int))`,
    [from, to, SLICE],
  );
  return { removed: rowCount ?? 0, done: (rowCount ?? 0) < SLICE };
}
