import type { TaskLimit } from '@longshore/contracts';
import type { StoredLimit } from '../limits/stored-limits.ts';
import type { Database } from '../store/database.ts';
import type { StoredTask } from './task-reads.ts';

/** Limits as a task defines them. */
export function taskLimitsOf(stored: readonly StoredLimit[] | null): TaskLimit[] {
  return (stored ?? []).flatMap(({ per, concurrency, rates }) => [
    ...(concurrency === null ? [] : [{ per, concurrency }]),
    ...rates.map((rate) => ({ per, rate })),
  ]);
}

/** The limits of which one holds a task back now; undefined: none does. */
export async function limitsHolding(
  database: Database,
  { id, task, state }: Pick<StoredTask, 'id' | 'task' | 'state'>,
): Promise<TaskLimit[] | undefined> {
  if (state !== 'queued') return undefined;
  const [row] = await database.query<{ held_by: StoredLimit | null }>(
    `select t.limits -> (array_position(d.limit_keys, d.waits_for) - 1) as held_by
       from tasks t join dispatches d on d.task = t.name and d.waits_for is not null and d.run_ids @> array[$1::uuid]
      where t.name = $2 and t.limits is not null`,
    [id, task],
  );
  return row === undefined ? undefined : taskLimitsOf(row.held_by === null ? [] : [row.held_by]);
}
