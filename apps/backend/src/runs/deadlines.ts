import type { Logger } from '@longshore/runtime';
import type { Database, Statement } from '../store/database.ts';
import type { CancelRun, TreeEnding } from './cancel.ts';

export interface DeadlinesDependencies {
  readonly database: Database;
  readonly cancel: CancelRun;
  readonly logger: Logger;
}

/** Executions that one pass ends at most. */
const MOST_AT_ONCE = 100;

const overdueExecutions: Statement = {
  name: 'overdue_executions',
  text: `
select l.id, round(extract(epoch from l.deadline - e.created_at))::float8 as seconds
  from (select id, deadline from live_executions where deadline <= now() order by deadline limit ${MOST_AT_ONCE}) l
  join executions e on e.id = l.id`,
};

/**
 * Creates what ends the executions whose deadline has passed, by the database's clock: as failed, with all that is unfinished below them.
 * Any backend may do it, several at once too; whoever comes second finds that it has ended. Costs one look into an index where
 * nothing is overdue. The signal is heeded between two executions.
 */
export function createDeadlines({ database, cancel, logger }: DeadlinesDependencies) {
  return async function endOverdue(signal?: AbortSignal): Promise<void> {
    const overdue = await database.hot<{ id: string; seconds: number }>(overdueExecutions, []);
    for (const { id, seconds } of overdue) {
      if (signal?.aborted === true) return;
      const ended = await cancel(id, overdueAfter(seconds));
      if ((ended?.runs ?? 0) > 0)
        logger.warn('Execution ended by its deadline', { execution_id: id, seconds });
    }
  };
}

function overdueAfter(seconds: number): TreeEnding {
  const message = `It had not ended ${seconds} s after it was accepted, which is its deadline`;
  return {
    to: 'failed',
    error: { code: 'deadline', message, detail: null },
    below: { code: 'cancelled', message: 'The deadline of its execution passed', detail: null },
  };
}
