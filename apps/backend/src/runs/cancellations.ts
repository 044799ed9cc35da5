import type { Dispatcher } from '../dispatch/dispatcher.ts';
import type { Database, Statement } from '../store/database.ts';

/** Cancelled runs that their workers have not let go of yet. */
export interface Cancellations {
  /** A worker said something of these attempts, so it is done with them. Those that were never cancelled are no matter. */
  letGo(attempts: readonly { run_id: string; epoch: number }[]): Promise<void>;
  /** Drops what no worker will let go of any more. */
  dropUnheard(): Promise<void>;
}

/**
 * A worker uses the slot of a cancelled run for others after 10 s, whatever its handler does. Who has not said so after this
 * time has nothing to let go of: the answer to its claim was lost.
 */
const LET_GO_WITHIN_MS = 60_000;

/** Removes cancellations, and lowers their dispatches, which go when they answer for nothing more. */
const removing = (name: string, which: string): Statement => ({
  name,
  text: `
with gone as (
  delete from cancellations c where ${which} returning c.dispatch_id
), fallen as (
  select jsonb_object_agg(g.id::text, g.n) as by_id, array_agg(g.id) as ids
    from (select dispatch_id as id, count(*) as n from gone group by 1) g
), held as (
  select d.id, d.remaining - ((select by_id from fallen) ->> d.id::text)::int as remaining
    from dispatches d where d.id = any((select ids from fallen)::uuid[]) order by d.id for update
), removed as (
  delete from dispatches d using held h where d.id = h.id and h.remaining <= 0 returning d.pool
), lowered as (
  update dispatches d set remaining = h.remaining from held h where d.id = h.id and h.remaining > 0
)
select coalesce((select jsonb_object_agg(pool, n) from (select pool, count(*) as n from removed where pool is not null group by 1) r), '{}') as removed`,
});

/** $1 run ids, $2 {run id: epoch}. */
const letGoOfRuns = removing(
  'let_go_of_runs',
  'c.run_id = any($1::uuid[]) and c.epoch = ($2::jsonb ->> c.run_id::text)::int',
);

/** $1 ms. */
const dropUnheardRuns = removing(
  'drop_unheard_runs',
  `c.cancelled_at < now() - $1::float8 * interval '1 ms'
   or not exists (select 1 from sessions s where s.id = c.session_id and s.ended_at is null)`,
);

interface RemovedRow {
  removed: Record<string, number>;
}

export function createCancellations(
  database: Database,
  dispatcher: Pick<Dispatcher, 'committed'>,
): Cancellations {
  async function remove(statement: Statement, values: unknown[]): Promise<void> {
    const [row] = await database.hot<RemovedRow>(statement, values);
    dispatcher.committed([], row!.removed);
  }

  return {
    letGo: (attempts) =>
      remove(letGoOfRuns, [
        attempts.map(({ run_id }) => run_id).sort(),
        JSON.stringify(Object.fromEntries(attempts.map(({ run_id, epoch }) => [run_id, epoch]))),
      ]),
    dropUnheard: () => remove(dropUnheardRuns, [LET_GO_WITHIN_MS]),
  };
}
