import type { Attempt, RunError } from '@longshore/contracts';
import type { Database } from '../store/database.ts';
import { familyRange } from '../store/family-ids.ts';

interface AttemptRow {
  run_id: string;
  epoch: number;
  worker: string | null;
  started_at: Date | null;
  ended_at: Date | null;
  outcome: Attempt['outcome'];
  error: RunError | null;
}

/**
 * Every attempt at these runs of one execution, by run, in the order in which they were made. What ended before the
 * latest claim stands in `attempts`, the latest in the run itself.
 */
export async function attemptsOf(
  database: Database,
  executionId: string,
  runIds: readonly string[],
): Promise<Map<string, Attempt[]>> {
  const { from, to } = familyRange([executionId]);
  const rows = await database.query<AttemptRow & Record<string, unknown>>(
    `select a.run_id, a.epoch, s.instance as worker, a.started_at, a.ended_at, a.outcome, a.error
       from (
         select run_id, epoch, session_id, started_at, ended_at, outcome, error
           from attempts where run_id = any($1::uuid[])
         union all
         select r.id, r.epoch, r.session_id, r.claimed_at, r.finished_at, r.state, r.error
           from runs r
          where r.id = any($1::uuid[]) and r.id between $2::uuid and $3::uuid and r.epoch > 0 and r.state <> 'queued'
            and not exists (select 1 from attempts h where h.run_id = r.id and h.epoch = r.epoch)) a
       left join sessions s on s.id = a.session_id
      order by a.run_id, a.epoch`,
    [runIds, from, to],
  );
  const byRun = Map.groupBy(rows, (row) => row.run_id);
  return new Map([...byRun].map(([id, attempts]) => [id, attempts.map(shown)]));
}

function shown({ run_id: _run, started_at, ended_at, error, ...row }: AttemptRow): Attempt {
  return {
    ...row,
    started_at: started_at?.toISOString() ?? null,
    ended_at: ended_at?.toISOString() ?? null,
    // Stack and cause are for those who run the platform: they stand in its logs.
    error: error && { ...error, detail: null },
  };
}
