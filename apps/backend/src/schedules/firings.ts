import type { Firing, FiringList, ListFiringsQuery } from '@longshore/contracts';
import { z } from 'zod';
import { decodeCursor, pageOf } from '../native/paging.ts';
import type { Database } from '../store/database.ts';

interface FiringRow {
  readonly fire_at: Date;
  readonly last_at: Date | null;
  readonly count: number | null;
  readonly outcome: Firing['outcome'];
  readonly reason: string | null;
  readonly by_hand: boolean;
  readonly decided_at: Date;
  readonly delay_ms: number | null;
  readonly run_id: string | null;
  readonly of_pipeline: boolean;
}

/** SQL for what is shown of line `f`. */
export const SHOWN_FIRING = `f.fire_at, f.last_at, f.count, f.outcome, f.reason, f.by_hand, f.decided_at, f.run_id,
  case when f.outcome = 'fired' then (extract(epoch from f.decided_at - f.due_at) * 1000)::float8 end as delay_ms,
  exists (select 1 from executions e where e.id = f.run_id) as of_pipeline`;

const cursorKey = z.tuple([z.iso.datetime()]);

/** What a schedule fired and what it skipped, newest first. */
export async function listFirings(
  database: Database,
  scheduleId: string,
  { limit, cursor, outcome }: ListFiringsQuery,
): Promise<FiringList> {
  const [before] = decodeCursor(cursor, cursorKey) ?? [null];
  const rows = await database.query<FiringRow & Record<string, unknown>>(
    `select ${SHOWN_FIRING} from schedule_firings f
      where f.schedule_id = $1 and ($2::timestamptz is null or f.fire_at < $2) and ($3::text is null or f.outcome = $3)
      order by f.fire_at desc limit $4`,
    [scheduleId, before, outcome ?? null, limit + 1],
  );
  const { items, next_cursor } = pageOf(rows, limit, (row) => [row.fire_at.toISOString()]);
  return { firings: items.map(firingOf), next_cursor };
}

export function firingOf(row: FiringRow): Firing {
  const { run_id, of_pipeline: ofPipeline, count, outcome, reason, by_hand } = row;
  return {
    fire_at: row.fire_at.toISOString(),
    last_at: row.last_at?.toISOString() ?? null,
    ...{ count, outcome, reason, by_hand },
    decided_at: row.decided_at.toISOString(),
    delay_ms: row.delay_ms,
    task_id: ofPipeline ? null : run_id,
    execution_id: ofPipeline ? run_id : null,
  };
}

/** Lines that hold no run go after so many days, 0: never; those with one go with it. What waits stays. */
export async function forgetOldFirings(database: Database, days: number): Promise<void> {
  if (days === 0) return;
  const [row] = await database.query<{ removed: number }>(
    `with gone as (
       delete from schedule_firings f where (f.schedule_id, f.fire_at) in (
         select schedule_id, fire_at from schedule_firings
          where run_id is null and outcome <> 'waiting' and decided_at < now() - $1 * interval '1 day' limit 5000)
       returning 1)
     select count(*)::int as removed from gone`,
    [days],
  );
  if (row!.removed === 5_000) await forgetOldFirings(database, days);
}
