import type { PastAttempt, RunError } from '@longshore/contracts';
import type { Database } from '../store/database.ts';

/** An attempt that ended without ending its task, and its place among all starts of it. */
export interface NumberedAttempt extends PastAttempt {
  readonly epoch: number;
}

interface AttemptRow {
  epoch: number;
  attempt: number;
  outcome: string;
  error: RunError | null;
  started_at: Date | null;
  ended_at: Date;
  worker: string | null;
}

/** More nobody reads; a task has at most a hundred attempts, but workers may be lost without end. */
const MOST_ATTEMPTS = 200;

const OUTCOMES: Readonly<Record<string, PastAttempt['outcome']>> = {
  retry: 'failed',
  released: 'handed_back',
  lapsed: 'worker_lost',
};

/** The attempts of a task after a start that went before the one that counts, the first first. */
export async function readPastAttempts(
  database: Database,
  taskId: string,
  afterEpoch = 0,
): Promise<NumberedAttempt[]> {
  const rows = await database.query<AttemptRow & Record<string, unknown>>(
    `select a.*, s.instance as worker
       from (select epoch, outcome, error, started_at, ended_at, session_id,
                    1 + (count(*) filter (where outcome = 'retry') over (order by epoch rows between unbounded preceding and current row)
                         - case when outcome = 'retry' then 1 else 0 end)::int as attempt
               from attempts where run_id = $1) a
       left join sessions s on s.id = a.session_id
      where a.epoch > $2 order by a.epoch limit $3`,
    [taskId, afterEpoch, MOST_ATTEMPTS],
  );
  return rows.map(({ epoch, attempt, outcome, error, started_at, ended_at, worker }) => ({
    ...{ epoch, attempt, worker },
    outcome: OUTCOMES[outcome] ?? 'failed',
    // Stack and cause are for those who run the platform: they stand in its logs.
    error: error && { ...error, detail: null },
    started_at: started_at?.toISOString() ?? null,
    ended_at: ended_at.toISOString(),
  }));
}
