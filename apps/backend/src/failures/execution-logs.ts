import { levelsFrom, type ExecutionLogs, type ExecutionLogsQuery, type LogLine } from '@longshore/contracts';
import { z } from 'zod';
import { decodeCursor, pageOf } from '../native/paging.ts';
import type { Database } from '../store/database.ts';
import { familyRange } from '../store/family-ids.ts';
import { readUnhappyAttempts } from './unhappy-attempts.ts';

interface LineRow extends Omit<LogLine, 'at'> {
  at: Date;
}

const cursorKey = z.tuple([z.int()]);

/**
 * A page of what the runs of an execution said. Whether it has ended is asked first: what is read after that holds all
 * that was said before its end.
 */
export async function readExecutionLogs(
  database: Database,
  executionId: string,
  query: ExecutionLogsQuery,
): Promise<ExecutionLogs> {
  const [standing] = await database.query<{ ended: boolean; expired: boolean }>(
    `select not exists (select 1 from live_executions where id = $1) as ended,
            exists (select 1 from ended_executions where id = $1 and logs_removed_at is not null) as expired`,
    [executionId],
  );
  const rows = await readLines(database, executionId, query);
  const isFirst = query.cursor === undefined;
  const { items, next_cursor } = pageOf(rows, query.limit, ({ line }) => [line]);
  return {
    lines: items.map((row) => ({ ...row, at: row.at.toISOString() })),
    attempts: isFirst ? await readUnhappyAttempts(database, executionId, query.run ?? null) : [],
    ...standing!,
    next_cursor,
  };
}

async function readLines(
  database: Database,
  executionId: string,
  { run, level, after, cursor, limit }: ExecutionLogsQuery,
): Promise<LineRow[]> {
  const { from, to } = familyRange([executionId]);
  const start = decodeCursor(cursor, cursorKey)?.[0] ?? 0;
  return await database.query<LineRow & Record<string, unknown>>(
    `select l.id::float8 as line, l.run_id, r.task, f.name as file, l.at, l.level, l.message, l.fields
       from (select id, task, file_id from runs
              where id between $2::uuid and $3::uuid and root_id = $1 and ($4::uuid is null or id = $4)) r
      cross join lateral (
        select * from run_logs w where w.run_id = r.id and w.id > $5 and w.level = any($6::text[]) order by w.id limit $7) l
       left join files f on f.id = r.file_id
      order by l.id limit $7`,
    [executionId, from, to, run ?? null, Math.max(after, start), levelsFrom(level), limit + 1],
  );
}
