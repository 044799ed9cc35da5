import type { Database } from '../store/database.ts';

/**
 * Measures every queue and writes the result, so that health, scaling and scripts read one small row a queue. Looks
 * at each dispatch once: what has ended costs nothing, what waits a block for about twenty. To keep counters instead would make one
 * row per queue the hottest in the database.
 *
 * @returns the runs that wait, in all queues
 */
export async function measureQueueDepths(database: Database): Promise<number> {
  const [row] = await database.query<{ waiting: number }>(
    `with counted as (
       select queue,
              coalesce(sum(remaining) filter (where session_id is null), 0)::int as queued,
              coalesce(sum(remaining) filter (where session_id is null and ready), 0)::int as due,
              coalesce(sum(remaining) filter (where session_id is not null), 0)::int as running,
              min(created_at) filter (where session_id is null and ready) as oldest_at
         from dispatches group by queue
     ), served as (
       select unnest(queues) as queue from sessions where ended_at is null
     ), measured as (
       select queue, queued, due, running, oldest_at from counted
        union all
       select distinct queue, 0, 0, 0, null::timestamptz from served where queue not in (select queue from counted)
     ), emptied as (
       update queue_depths q set queued = 0, due = 0, running = 0, oldest_at = null, measured_at = now()
        where q.queue not in (select queue from measured) and (q.queued, q.due, q.running) is distinct from (0, 0, 0)
     ), written as (
       insert into queue_depths as q (queue, queued, due, running, oldest_at)
       select queue, queued, due, running, oldest_at from measured order by queue
       on conflict (queue) do update
          set queued = excluded.queued, due = excluded.due, running = excluded.running, oldest_at = excluded.oldest_at,
              measured_at = now()
        where (q.queued, q.due, q.running, q.oldest_at)
              is distinct from (excluded.queued, excluded.due, excluded.running, excluded.oldest_at)
     )
     select coalesce(sum(queued), 0)::float8 as waiting from measured`,
  );
  return row?.waiting ?? 0;
}

/** The last measurement of one queue. */
export interface QueueDepth {
  readonly queue: string;
  readonly queued: number;
  readonly due: number;
  readonly running: number;
  readonly oldest_age_ms: number | null;
}

export async function readQueueDepths(database: Database): Promise<QueueDepth[]> {
  return await database.query<QueueDepth & Record<string, unknown>>(
    `select queue, queued, due, running, (extract(epoch from now() - oldest_at) * 1000)::float8 as oldest_age_ms
       from queue_depths order by queue`,
  );
}
