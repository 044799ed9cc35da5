import type { Deletion } from '@longshore/contracts';
import { clearStrayObjects } from '../files/sweeper.ts';
import type { SqlClient } from '../store/database.ts';
import { whileDeleting } from './deletion-lock.ts';
import { openDeletions, type StoredDeletion } from './deletions.ts';
import { addCounts, deleteFamilies, type RowCounts } from './families.ts';
import { forsaken, ownedBy, readFootprints, type Footprint } from './footprints.ts';
import { oldestExecutions } from './history.ts';
import { inBatches } from './pace.ts';
import { removeAllDoomed, type RetentionDependencies } from './retention-job.ts';

/** Rows of one table that one statement deletes. */
const SLICE = 1_000;

/**
 * Carries on with every deletion that was requested, until each is done: executions in batches, then whatever else
 * belongs to the organisation, its objects, and last the organisation itself, once a count finds nothing else. Where it stands is
 * in the tables: after a restart it goes on with what is left.
 */
export function createOrganisationDeletions(dependencies: RetentionDependencies) {
  return async function carryOnDeletions(signal: AbortSignal): Promise<void> {
    for (const deletion of await openDeletions(dependencies.database)) {
      await carryOn(dependencies, deletion, signal);
    }
  };
}

async function carryOn(
  dependencies: RetentionDependencies,
  deletion: StoredDeletion,
  signal: AbortSignal,
): Promise<void> {
  const { database, logger } = dependencies;
  const footprints = await readFootprints(database);
  const batch = () => whileDeleting(database, (client) => deleteBatch(client, footprints, deletion));
  if (!(await inBatches(async () => (await batch()) === true, { ...dependencies, signal }))) return;
  await removeAllDoomed(dependencies, signal);
  const objects = await clearStrayObjects(database, dependencies.store, deletion.requested_at);
  const isDone = await whileDeleting(database, (client) => finish(client, footprints, deletion, objects));
  if (isDone === true) {
    logger.info('Deleted an organisation', { organisation: deletion.organisation, deletion_id: deletion.id });
  }
}

/** False when nothing but the organisation itself is left. */
async function deleteBatch(
  client: SqlClient,
  footprints: readonly Footprint[],
  { id, organisation_id: organisationId }: StoredDeletion,
): Promise<boolean> {
  const executionIds = await oldestExecutions(client, organisationId, 0);
  const removed =
    executionIds.length > 0
      ? (await deleteFamilies(client, footprints, executionIds)).removed
      : await deleteOwnedRows(client, footprints, organisationId);
  const total = Object.values(removed).reduce((sum, rows) => sum + rows, 0);
  if (total > 0) await note(client, id, removed);
  return total > 0;
}

/** A slice of the first table that has any row of the organisation. Its objects are noted before. */
async function deleteOwnedRows(
  client: SqlClient,
  footprints: readonly Footprint[],
  organisationId: string,
): Promise<RowCounts> {
  await client.query('set local enable_seqscan = on; set local enable_hashjoin = on');
  await client.query(
    `insert into doomed_objects (object, organisation_id)
     select object, organisation_id from files where organisation_id = $1
     union select output ->> 'ref', organisation_id from runs where organisation_id = $1 and output ? 'ref'
     on conflict do nothing`,
    [organisationId],
  );
  for (const footprint of footprints) {
    const condition = ownedBy(footprint, footprints);
    if (condition === undefined || KEPT_UNTIL_LAST.includes(footprint.table)) continue;
    const { rowCount } = await client.query(deleteSlice(footprint, condition), [organisationId]);
    if ((rowCount ?? 0) > 0) return { [footprint.table]: rowCount ?? 0 };
  }
  return {};
}

/** The organisation ends the job; the notes go with the objects. */
const KEPT_UNTIL_LAST: readonly string[] = ['organisations', 'doomed_objects'];

/** Rows of a table that refers to itself must go together, or one might refer to another that is gone. */
function deleteSlice({ table, references }: Footprint, condition: string): string {
  const refersToItself = references.some((key) => key.referenced === table);
  return refersToItself
    ? `delete from ${table} where ${condition}`
    : `delete from ${table} where (tableoid, ctid) in (select tableoid, ctid from ${table} where ${condition} limit ${SLICE})`;
}

async function note(client: SqlClient, deletionId: string, removed: RowCounts): Promise<void> {
  const { rows } = await client.query<{ removed: RowCounts }>(
    'select removed from deletions where id = $1 for update',
    [deletionId],
  );
  await client.query('update deletions set removed = $2 where id = $1', [
    deletionId,
    JSON.stringify(addCounts(rows[0]?.removed ?? {}, removed)),
  ]);
}

/** A worker may say something more of a run that is being deleted; afterwards nothing tells whose it was. */
async function deleteForsaken(client: SqlClient, footprints: readonly Footprint[]): Promise<void> {
  for (const footprint of footprints) {
    const condition = forsaken(footprint, footprints);
    if (condition !== undefined) await client.query(`delete from ${footprint.table} where ${condition}`);
  }
}

/** What is left in each table but that of organisations, rows that are nobody's included. */
async function countRows(
  client: SqlClient,
  footprints: readonly Footprint[],
  organisationId: string,
): Promise<RowCounts> {
  const rows: RowCounts = {};
  for (const footprint of footprints.filter(({ table }) => table !== 'organisations')) {
    const owned = ownedBy(footprint, footprints);
    const condition = owned ?? forsaken(footprint, footprints);
    if (condition === undefined) continue;
    const values = owned === undefined ? [] : [organisationId];
    const text = `select count(*)::int as n from ${footprint.table} where ${condition}`;
    rows[footprint.table] = (await client.query<{ n: number }>(text, values)).rows[0]!.n;
  }
  return rows;
}

/** Counts what is left in every table. When that is nothing the organisation goes too, and the deletion is done. */
async function finish(
  client: SqlClient,
  footprints: readonly Footprint[],
  { id, organisation_id: organisationId }: StoredDeletion,
  objects: number,
): Promise<boolean> {
  await client.query('set local enable_seqscan = on; set local enable_hashjoin = on');
  await deleteForsaken(client, footprints);
  const rows = await countRows(client, footprints, organisationId);
  const remaining: Deletion['remaining'] = { rows, objects };
  const isClean = objects === 0 && Object.values(rows).every((left) => left === 0);
  if (isClean) {
    const { rowCount } = await client.query('delete from organisations where id = $1', [organisationId]);
    await note(client, id, { organisations: rowCount ?? 0 });
  }
  await client.query(
    `update deletions set remaining = $2, state = case when $3 then 'done' else state end,
            finished_at = case when $3 then now() end where id = $1`,
    [id, JSON.stringify(remaining), isClean],
  );
  return isClean;
}
