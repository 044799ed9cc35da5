import type { Database } from '../store/database.ts';

/** Which of these executions have ended: those that are no longer among the live ones. */
export async function findEndedExecutions(
  database: Database,
  executionIds: readonly string[],
): Promise<string[]> {
  if (executionIds.length === 0) return [];
  const rows = await database.query<{ id: string }>(
    `select u.id from unnest($1::uuid[]) as u (id) where not exists (select 1 from live_executions l where l.id = u.id)`,
    [executionIds],
  );
  return rows.map((row) => row.id);
}
