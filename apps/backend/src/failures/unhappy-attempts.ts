import type { LoggedAttempt, RunError } from '@longshore/contracts';
import type { Database } from '../store/database.ts';
import { familyRange } from '../store/family-ids.ts';

interface AttemptRow extends Omit<LoggedAttempt, 'ended_at' | 'error'> {
  ended_at: Date;
  error: RunError | null;
}

/** More nobody reads at once; who looks for causes asks for failures. */
const MOST_ATTEMPTS = 1_000;

/**
 * The latest attempts at runs of an execution that did not do what they should, the first ended first: those after which a run began
 * again, and those with which it failed. Of one run, or of all.
 */
export async function readUnhappyAttempts(
  database: Database,
  executionId: string,
  runId: string | null,
): Promise<LoggedAttempt[]> {
  const { from, to } = familyRange([executionId]);
  const rows = await database.query<AttemptRow & Record<string, unknown>>(
    `with family as materialized (
       select id, task, file_id, state, epoch, attempts, session_id, finished_at, error, children_total from runs
        where id between $2::uuid and $3::uuid and root_id = $1 and ($4::uuid is null or id = $4))
     select u.run_id, u.start, u.task, f.name as file, u.attempt, u.outcome, u.final, u.error, u.ended_at, s.instance as worker
       from (
         select r.id as run_id, a.epoch as start, r.task, r.file_id, a.session_id, a.error, a.ended_at, false as final,
                case a.outcome when 'released' then 'handed_back' when 'lapsed' then 'worker_lost' else 'failed' end as outcome,
                1 + (select count(*) from attempts b
                      where b.run_id = r.id and b.epoch < a.epoch and b.outcome = 'retry')::int as attempt
           from family r join attempts a on a.run_id = r.id
          where a.outcome in ('retry', 'released', 'lapsed') and not (r.state = 'failed' and a.epoch = r.epoch)
         union all
         select id, epoch, task, file_id, session_id, error, finished_at, true, 'failed', greatest(1, attempts)
           from family p
          -- What went on in other runs fails with the one that ended it: told once, of that one.
          where state = 'failed' and not (children_total > 0 and exists (
            select 1 from family c where c.id <> p.id and c.state = 'failed' and c.finished_at = p.finished_at and c.error = p.error))) u
       left join files f on f.id = u.file_id
       left join sessions s on s.id = u.session_id
      order by u.ended_at desc, u.run_id desc, u.start desc limit $5`,
    [executionId, from, to, runId, MOST_ATTEMPTS],
  );
  return rows.reverse().map(({ ended_at, error, ...row }) => ({
    ...row,
    // Stack and cause are for those who run the platform: they stand in its logs.
    error: error && { ...error, detail: null },
    ended_at: ended_at.toISOString(),
  }));
}
