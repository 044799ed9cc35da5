import type { FileStore } from '../files/file-store.ts';
import type { Database, SqlClient } from '../store/database.ts';
import { whileDeleting } from './deletion-lock.ts';

const BATCH = 200;

/** Notes the uploaded objects of these executions for removal. */
export async function doomUploads(client: SqlClient, executionIds: readonly string[]): Promise<void> {
  await client.query(
    `insert into doomed_objects (object, organisation_id)
     select f.object, f.organisation_id from files f where f.execution_id = any($1::uuid[])
     on conflict do nothing`,
    [executionIds],
  );
}

/** Notes the stored outputs of these runs for removal. `$2..$3` is the range of ids in which they all lie. */
export async function doomOutputs(
  client: SqlClient,
  runIds: readonly string[],
  { from, to }: { from: string; to: string },
): Promise<void> {
  await client.query(
    `insert into doomed_objects (object, organisation_id)
     select r.output ->> 'ref', r.organisation_id from runs r
      where r.id = any($1::uuid[]) and r.id between $2::uuid and $3::uuid and r.output ? 'ref'
     on conflict do nothing`,
    [runIds, from, to],
  );
}

/**
 * Removes a batch of what is noted, the bytes before the note: whatever ends in between is done again. Answers how
 * many were removed; undefined when somebody else holds the lock.
 */
export async function removeDoomedObjects(database: Database, store: FileStore): Promise<number | undefined> {
  return await whileDeleting(database, async (client) => {
    const { rows } = await client.query<{ object: string }>(
      'select object from doomed_objects order by object limit $1 for update skip locked',
      [BATCH],
    );
    for (const { object } of rows) await store.remove(object);
    await client.query('delete from doomed_objects where object = any($1::text[])', [
      rows.map(({ object }) => object),
    ]);
    return rows.length;
  });
}
