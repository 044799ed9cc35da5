import { apiError, type DeletedExecution } from '@longshore/contracts';
import type { Database, SqlClient } from '../store/database.ts';
import { keepOnIndexes } from './deletion-lock.ts';
import { addCounts, deleteFamilies, runsOfFamilies, type RowCounts } from './families.ts';
import { readFootprints } from './footprints.ts';

/**
 * Deletes an execution that has ended: its whole family, files, logs, and whatever else names it; its objects are noted and go
 * next. `organisationId` restricts it to one organisation; null: any. `what` it is called where it is refused.
 *
 * @throws ApiError 404 when there is none (there), 409 while it has not ended.
 */
export async function deleteExecution(
  database: Database,
  executionId: string,
  organisationId: string | null,
  what: 'execution' | 'task' = 'execution',
): Promise<DeletedExecution> {
  const footprints = await readFootprints(database);
  let removed: RowCounts = {};
  for (;;) {
    const slice = await database.transaction(async (client) => {
      await requireEnded(client, { executionId, organisationId, what });
      await keepOnIndexes(client);
      return await deleteFamilies(client, footprints, [executionId]);
    });
    removed = addCounts(removed, slice.removed);
    if (slice.done) return { execution_id: executionId, removed };
  }
}

interface Wanted {
  readonly executionId: string;
  readonly organisationId: string | null;
  /** What it is called where it is refused. */
  readonly what: string;
}

async function requireEnded(client: SqlClient, { executionId, organisationId, what }: Wanted): Promise<void> {
  const { rows } = await client.query<{ live: boolean }>(
    `select true as live from live_executions where id = $1 and ($2::uuid is null or organisation_id = $2)
     union all
     select false from ended_executions where id = $1 and ($2::uuid is null or organisation_id = $2)`,
    [executionId, organisationId],
  );
  if (rows[0] === undefined) throw apiError('not_found', `No such ${what}`);
  if (rows[0].live) throw apiError('conflict', `The ${what} has not ended: cancel it, or wait for it`);
  await refuseHeld(client, executionId, what);
}

/** What was cancelled still takes its place in a dispatch until its worker has let go of it. */
async function refuseHeld(client: SqlClient, executionId: string, what: string): Promise<void> {
  const runIds = await runsOfFamilies(client, [executionId]);
  const { rowCount } = await client.query('select 1 from dispatches where run_ids && $1::uuid[] limit 1', [
    runIds,
  ]);
  if ((rowCount ?? 0) > 0) {
    throw apiError('conflict', `A worker still has the ${what} in its hands: try again in some seconds`);
  }
}
