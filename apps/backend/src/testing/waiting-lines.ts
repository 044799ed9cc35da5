import { uuidV7 } from '@longshore/runtime';
import type { Database } from '../store/database.ts';

/** What one organisation has waiting, all of one kind. */
export interface Waiting {
  readonly organisationId: string;
  /** Dispatches. */
  readonly count: number;
  readonly task?: string;
  readonly queue?: string;
  readonly priority?: number;
  /** Runs in each dispatch. Default 1. */
  readonly runs?: number;
  /** How long they wait already, s. Default 0. */
  readonly waitedS?: number;
}

export async function createOrganisation(database: Database, weight = 1): Promise<string> {
  const id = uuidV7();
  await database.query('insert into organisations (id, name, weight) values ($1, $2, $3)', [
    id,
    `o-${id}`,
    weight,
  ]);
  return id;
}

/** Writes queued root runs and their dispatches as other backends do: nobody here is told. */
export async function letWait(database: Database, waiting: Waiting): Promise<void> {
  const { organisationId, count, task = 'work', queue = 'default', priority = 0 } = waiting;
  const { runs = 1, waitedS = 0 } = waiting;
  await database.query(
    `with made as materialized (
       select n, case when n % $6::int = 0 then uuid_v7() end as dispatch_id, uuid_v7() as id
         from generate_series(0, $5::int * $6::int - 1) as n
     ), gathered as (
       select (array_agg(dispatch_id) filter (where dispatch_id is not null))[1] as id, array_agg(id order by n) as run_ids
         from made group by n / $6::int
     ), inserted as (
       insert into runs (id, organisation_id, root_id, task, queue, priority, input, max_attempts, soft_limit_ms, hard_limit_ms)
       select id, $1, id, $2, $3, $4, '{}', 3, 1000, 1000 from made
     ), live as (
       insert into live_executions (id, organisation_id) select id, $1 from made
     )
     insert into dispatches (id, organisation_id, task, queue, priority, run_ids, remaining, ready, due)
     select id, $1, $2, $3, $4, run_ids, $6::int, true, now() - $7::float8 * interval '1 s' from gathered`,
    [organisationId, task, queue, priority, count, runs, waitedS],
  );
}
