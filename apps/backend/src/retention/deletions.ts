import { apiError, type Deletion } from '@longshore/contracts';
import { uuidV7 } from '@longshore/runtime';
import type { Database, SqlClient } from '../store/database.ts';

/** The first key of the lock that accepting shares; see the trigger on live_executions. */
const ORGANISATION_LOCK = 7_061_985;

/** The database's answer to new work for an organisation that is being deleted, or was. */
export const ORGANISATION_DELETED = 'LS410';

const COLUMNS = `id, organisation_id, organisation, state, requested_at, finished_at, removed, remaining`;

export interface StoredDeletion {
  readonly id: string;
  readonly organisation_id: string;
  readonly organisation: string;
  readonly state: Deletion['state'];
  readonly requested_at: Date;
  readonly finished_at: Date | null;
  readonly removed: Deletion['removed'];
  readonly remaining: Deletion['remaining'];
}

/**
 * Begins to delete an organisation: from its commit on nothing new is accepted for it, and its keys open nothing. Answers with
 * the deletion that is under way when there is one.
 *
 * @throws ApiError 404 for an unknown one, 409 while executions of it are unfinished.
 */
export async function requestDeletion(database: Database, name: string): Promise<Deletion> {
  return await database.transaction(async (client) => {
    const organisationId = await organisationNamed(client, name);
    await client.query('select pg_advisory_xact_lock($1, hashtext($2))', [ORGANISATION_LOCK, organisationId]);
    const { rows: begun } = await client.query<StoredDeletion>(
      `select ${COLUMNS} from deletions where organisation_id = $1`,
      [organisationId],
    );
    if (begun[0] !== undefined) return deletionView(begun[0]);
    await refuseUnfinished(client, organisationId, name);
    const { rows } = await client.query<StoredDeletion>(
      `insert into deletions (id, organisation_id, organisation) values ($1, $2, $3) returning ${COLUMNS}`,
      [uuidV7(), organisationId, name],
    );
    await client.query(
      'update api_keys set revoked_at = coalesce(revoked_at, now()) where organisation_id = $1',
      [organisationId],
    );
    return deletionView(rows[0]!);
  });
}

async function organisationNamed(client: SqlClient, name: string): Promise<string> {
  const { rows } = await client.query<{ id: string }>('select id from organisations where name = $1', [name]);
  if (rows[0] === undefined) throw apiError('not_found', `There is no organisation "${name}"`, 'name');
  return rows[0].id;
}

/** A dispatch without a live execution holds what was cancelled and a worker has not let go yet. */
async function refuseUnfinished(client: SqlClient, organisationId: string, name: string): Promise<void> {
  const { rows } = await client.query<{ live: number; held: number }>(
    `select (select count(*)::int from live_executions where organisation_id = $1) as live,
            (select count(*)::int from dispatches where organisation_id = $1) as held`,
    [organisationId],
  );
  const { live = 0, held = 0 } = rows[0] ?? {};
  if (live > 0) {
    throw apiError(
      'conflict',
      `${live} executions of "${name}" have not ended: cancel them, or wait for them`,
    );
  }
  if (held > 0) throw apiError('conflict', `Workers still let go of cancelled work of "${name}": try again`);
}

/** @throws ApiError 404 */
export async function findDeletion(database: Database, id: string): Promise<Deletion> {
  const [row] = await database.query<StoredDeletion>(`select ${COLUMNS} from deletions where id = $1`, [id]);
  if (row === undefined) throw apiError('not_found', 'No such deletion');
  return deletionView(row);
}

/** Those that are not done, the first requested first. */
export async function openDeletions(database: Database): Promise<StoredDeletion[]> {
  return await database.query<StoredDeletion>(
    `select ${COLUMNS} from deletions where state = 'running' order by requested_at`,
  );
}

function deletionView(row: StoredDeletion): Deletion {
  const { id, organisation, state, removed, remaining } = row;
  return {
    deletion_id: id,
    organisation,
    state,
    requested_at: row.requested_at.toISOString(),
    finished_at: row.finished_at?.toISOString() ?? null,
    removed,
    remaining,
  };
}
