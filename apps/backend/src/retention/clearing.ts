import type { SqlClient } from '../store/database.ts';
import { familyRange } from '../store/family-ids.ts';
import { doomOutputs, doomUploads } from './doomed-objects.ts';
import type { MarkedKind } from './due.ts';
import { runsOfFamilies } from './families.ts';
import { deleteLogSlice } from './log-lines.ts';

const TERMINAL = `('succeeded', 'failed', 'cancelled')`;

/**
 * Clears one kind of data of executions that have ended. False: there is more of it than a batch should hold, the same
 * executions have to be given once more.
 */
export type Clear = (client: SqlClient, executionIds: readonly string[]) => Promise<boolean>;

export const clearing: Readonly<Record<MarkedKind, Clear>> = {
  uploads: async (client, executionIds) => {
    await doomUploads(client, executionIds);
    await client.query('update ended_executions set uploads_removed_at = now() where id = any($1::uuid[])', [
      executionIds,
    ]);
    return true;
  },
  results: async (client, executionIds) => {
    const range = familyRange(executionIds);
    const runIds = await runsOfFamilies(client, executionIds);
    await doomOutputs(client, runIds, range);
    await client.query(
      `update runs set output = null, progress = null
        where id = any($1::uuid[]) and id between $2::uuid and $3::uuid and state in ${TERMINAL}
          and (output is not null or progress is not null)`,
      [runIds, range.from, range.to],
    );
    await client.query('delete from failures where run_id = any($1::uuid[])', [runIds]);
    await client.query('update ended_executions set results_removed_at = now() where id = any($1::uuid[])', [
      executionIds,
    ]);
    return true;
  },
  logs: async (client, executionIds) => {
    const runIds = await runsOfFamilies(client, executionIds);
    if (!(await deleteLogSlice(client, runIds)).done) return false;
    await client.query('delete from run_log_totals where run_id = any($1::uuid[])', [runIds]);
    await client.query('update ended_executions set logs_removed_at = now() where id = any($1::uuid[])', [
      executionIds,
    ]);
    return true;
  },
};
