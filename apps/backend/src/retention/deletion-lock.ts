import { DELETION_LOCK } from '@longshore/contracts';
import type { Database, SqlClient } from '../store/database.ts';

/**
 * Runs the work in one transaction while this backend alone removes data; undefined when another backend or a
 * backup holds the lock at the moment. The planner is kept on indexes: a batch must cost what the batch costs.
 */
export async function whileDeleting<T>(
  database: Database,
  work: (client: SqlClient) => Promise<T>,
): Promise<T | undefined> {
  return await database.transaction(async (client) => {
    const { rows } = await client.query<{ held: boolean }>('select pg_try_advisory_xact_lock($1) as held', [
      DELETION_LOCK,
    ]);
    if (rows[0]?.held !== true) return undefined;
    await keepOnIndexes(client);
    return await work(client);
  });
}

/** For the rest of the transaction. */
export async function keepOnIndexes(client: SqlClient): Promise<void> {
  await client.query(
    'set local enable_seqscan = off; set local enable_hashjoin = off; set local enable_mergejoin = off',
  );
}
