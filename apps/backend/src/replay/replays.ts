import {
  apiError,
  type Replay as ReplayView,
  type ReplayManyRequest,
  type ReplayTasksRequest,
} from '@longshore/contracts';
import { uuidV7 } from '@longshore/runtime';
import { z } from 'zod';
import { failuresOfFilter, filterValues, type FailureFilter } from '../failures/failure-causes.ts';
import { decodeCursor, pageOf } from '../native/paging.ts';
import { sqlStateOf, type Database, type SqlClient } from '../store/database.ts';

interface ReplayRow {
  id: string;
  organisation_id: string;
  organisation: string;
  kind: ReplayView['kind'];
  state: ReplayView['state'];
  request: ReplayView['request'];
  per_minute: number;
  requested_at: Date;
  finished_at: Date | null;
  total: number;
  waiting: number;
  replayed: number;
  refused: number;
}

const replayRows = `
select j.id, j.organisation_id, o.name as organisation, j.kind, j.state, j.request, j.per_minute, j.requested_at, j.finished_at, j.total,
       c.waiting, c.replayed, c.refused
  from replays j
  join organisations o on o.id = j.organisation_id
 cross join lateral (
   select count(*) filter (where i.state = 'waiting')::int as waiting, count(*) filter (where i.state = 'made')::int as replayed,
          count(*) filter (where i.state = 'refused')::int as refused
     from replay_items i where i.replay_id = j.id) c`;

const UNIQUE = '23505';

/** What a replay of many is asked for. */
export type ReplayWish = { readonly organisationId: string } & (
  | { readonly kind: 'executions'; readonly request: ReplayManyRequest }
  | { readonly kind: 'tasks'; readonly request: ReplayTasksRequest }
);

/**
 * Writes down which executions are to be replayed: those that failed last, of those that the filter finds, that have ended, and that
 * were not replayed before. Answers how many, and with the replay unless there is nothing to do or it is a dry run.
 * `beforeCommit` runs in the same transaction, with the replay that was begun, if one was.
 *
 * @throws ApiError 409 while another replay of the organisation goes on.
 */
export async function beginReplay(
  database: Database,
  wish: ReplayWish,
  beforeCommit: (client: SqlClient, replayId: string | null) => Promise<void>,
): Promise<{ matched: number; replay: ReplayView | null }> {
  const id = uuidV7();
  const { request } = wish;
  const matched = await database.transaction(async (client) => {
    const executions = await matchingRoots(client, wish);
    const begins = !request.dry_run && executions.length > 0;
    if (begins) await insertReplay(client, id, wish, executions);
    await beforeCommit(client, begins ? id : null);
    return executions.length;
  });
  const isBegun = !request.dry_run && matched > 0;
  return { matched, replay: isBegun ? await findReplay(database, id) : null };
}

/** Which of those that failed can be run again, and were not before. */
const REPLAYABLE: Record<ReplayWish['kind'], string> = {
  executions: `join executions e on e.id = f.id join deployments d on d.id = e.deployment_id and d.kind = 'api'
      where not exists (select 1 from executions r where r.replay_of = f.id)`,
  tasks: `join submitted_tasks t on t.id = f.id
      where not exists (select 1 from submitted_tasks r where r.retry_of = f.id)`,
};

async function matchingRoots(
  client: SqlClient,
  { kind, request, organisationId }: ReplayWish,
): Promise<string[]> {
  const { cause, task, since, until, limit } = request;
  const apiName = 'api_name' in request ? request.api_name : undefined;
  const filter: FailureFilter = { organisationIds: [organisationId], cause, apiName, task, since, until };
  const { rows } = await client.query<{ id: string }>(
    `with ${failuresOfFilter}, failed as (
       select root_id as id, max(at) as at from of_filter group by root_id
     )
     select f.id from failed f ${REPLAYABLE[kind]}
        and not exists (select 1 from live_executions l where l.id = f.id)
      order by f.at desc, f.id desc limit $7`,
    [...filterValues(filter), limit],
  );
  return rows.map((row) => row.id);
}

async function insertReplay(
  client: SqlClient,
  id: string,
  { kind, request, organisationId }: ReplayWish,
  executions: readonly string[],
): Promise<void> {
  const { organisation: _organisation, per_minute, dry_run: _dryRun, ...told } = request;
  try {
    await client.query(
      `insert into replays (id, organisation_id, kind, request, per_minute, total) values ($1, $2, $3, $4, $5, $6)`,
      [
        id,
        organisationId,
        kind,
        JSON.stringify({ only_failed: false, ...told }),
        per_minute,
        executions.length,
      ],
    );
  } catch (error) {
    if (sqlStateOf(error) !== UNIQUE) throw error;
    throw apiError('conflict', 'Another replay goes on: cancel it, or wait for it');
  }
  await client.query(
    `insert into replay_items (replay_id, place, execution_id)
     select $1, e.place, e.id from unnest($2::uuid[]) with ordinality as e (id, place)`,
    [id, executions],
  );
}

async function findReplay(database: Database, id: string): Promise<ReplayView> {
  const [row] = await database.query<ReplayRow & Record<string, unknown>>(`${replayRows} where j.id = $1`, [
    id,
  ]);
  if (row === undefined) throw unknownReplay();
  return viewOf(row);
}

/** One replay, with the first 100 executions that were refused. @throws ApiError 404, also for another organisation. */
export async function readReplay(
  database: Database,
  id: string,
  maySee: (organisationId: string) => boolean,
) {
  await requireVisible(database, id, maySee);
  const refused = await database.query<{ execution_id: string; error: string }>(
    `select execution_id, coalesce(error, '') as error from replay_items
      where replay_id = $1 and state = 'refused' order by place limit 100`,
    [id],
  );
  return { ...(await findReplay(database, id)), refused };
}

/** From its commit on nothing more is begun. @throws ApiError 404, also for another organisation. */
export async function cancelReplay(
  database: Database,
  id: string,
  maySee: (organisationId: string) => boolean,
): Promise<ReplayView> {
  await requireVisible(database, id, maySee);
  await database.query(
    `update replays set state = 'cancelled', finished_at = now() where id = $1 and state = 'running'`,
    [id],
  );
  return await findReplay(database, id);
}

async function requireVisible(
  database: Database,
  id: string,
  maySee: (organisationId: string) => boolean,
): Promise<void> {
  const [row] = await database.query<{ organisation_id: string }>(
    'select organisation_id from replays where id = $1',
    [id],
  );
  if (row === undefined || !maySee(row.organisation_id)) throw unknownReplay();
}

/** Newest first. */
export async function listReplays(
  database: Database,
  organisationIds: readonly string[],
  { cursor, limit }: { cursor?: string | undefined; limit: number },
): Promise<{ replays: ReplayView[]; next_cursor: string | null }> {
  const before = decodeCursor(cursor, z.tuple([z.uuid()]))?.[0] ?? null;
  const rows = await database.query<ReplayRow & Record<string, unknown>>(
    `${replayRows} where j.organisation_id = any($1::uuid[]) and ($2::uuid is null or j.id < $2)
      order by j.id desc limit $3`,
    [organisationIds, before, limit + 1],
  );
  const { items, next_cursor } = pageOf(rows, limit, (row) => [row.id]);
  return { replays: items.map(viewOf), next_cursor };
}

function viewOf(row: ReplayRow): ReplayView {
  const { id, organisation, kind, state, request, per_minute, total, waiting, replayed, refused } = row;
  return {
    ...{ replay_id: id, organisation, kind, state, request, per_minute },
    requested_at: row.requested_at.toISOString(),
    finished_at: row.finished_at?.toISOString() ?? null,
    executions: { total, waiting, replayed, refused },
  };
}

function unknownReplay() {
  return apiError('not_found', 'No such replay');
}
