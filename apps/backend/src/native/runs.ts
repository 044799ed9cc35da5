import {
  apiError,
  routes,
  type Attempt,
  type ListRunsQuery,
  type Run,
  type RunList,
} from '@longshore/contracts';
import { z } from 'zod';
import type { Caller } from '../http/auth.ts';
import { handle, type MountedRoute } from '../http/server.ts';
import type { Database } from '../store/database.ts';
import { familyRange } from '../store/family-ids.ts';
import { attemptsOf } from './attempts.ts';
import { decodeCursor, pageOf } from './paging.ts';
import { maySee } from './visible-organisations.ts';

interface RunRow {
  run_id: string;
  parent_id: string | null;
  key: string | null;
  task: string;
  queue: string;
  file: string | null;
  state: Run['state'];
  starts: number;
  created_at: Date;
  started_at: Date | null;
  finished_at: Date | null;
  error: Run['error'];
  /** `created_at` with all its digits. */
  made: string;
}

/** Microseconds, as the database keeps them. */
const cursorKey = z.tuple([z.iso.datetime({ precision: 6 }), z.uuid()]);

/** The runs of one execution or task. */
export function runListRoutes({ database }: { readonly database: Database }): MountedRoute[] {
  return [
    handle(routes.listRuns, async ({ query, caller }) => {
      await requireVisible(database, query.of, caller);
      return await listRuns(database, query);
    }),
  ];
}

/** @throws ApiError 404 for what is of another organisation too: nobody learns that it exists. */
async function requireVisible(database: Database, id: string, caller: Caller): Promise<void> {
  const { from, to } = familyRange([id]);
  const [run] = await database.query<{ organisation_id: string }>(
    'select organisation_id from runs where id = $1 and id between $2 and $3 and root_id = id',
    [id, from, to],
  );
  if (run === undefined || !maySee(caller, run.organisation_id))
    throw apiError('not_found', 'No such execution or task');
}

async function listRuns(
  database: Database,
  { of, state, task, limit, cursor }: ListRunsQuery,
): Promise<RunList> {
  const { from, to } = familyRange([of]);
  const [made, id] = decodeCursor(cursor, cursorKey) ?? [null, null];
  const rows = await database.query<RunRow & Record<string, unknown>>(
    `select r.id as run_id, r.parent_id, r.key, r.task, r.queue, f.name as file, r.state, r.starts, r.created_at, r.started_at,
            r.finished_at, r.error,
            to_char(r.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as made
       from runs r left join files f on f.id = r.file_id
      where r.id between $2 and $3 and r.root_id = $1
        and ($4::text is null or r.state = $4) and ($5::text is null or r.task = $5)
        and ($6::timestamptz is null or (r.created_at, r.id) > ($6::timestamptz, $7::uuid))
      order by r.created_at, r.id limit $8`,
    [of, from, to, state ?? null, task ?? null, made, id, limit + 1],
  );
  const { items, next_cursor } = pageOf(rows, limit, (row) => [row.made, row.run_id]);
  const attempts = await attemptsOf(
    database,
    of,
    items.map(({ run_id }) => run_id),
  );
  return { runs: items.map((row) => shown(row, attempts.get(row.run_id) ?? [])), next_cursor };
}

function shown({ made: _made, error, ...row }: RunRow, attempts: Attempt[]): Run {
  return {
    ...row,
    created_at: row.created_at.toISOString(),
    started_at: row.started_at?.toISOString() ?? null,
    finished_at: row.finished_at?.toISOString() ?? null,
    // Stack and cause are for those who run the platform: they stand in its logs.
    error: error && { ...error, detail: null },
    attempts,
  };
}
