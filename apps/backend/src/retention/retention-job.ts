import type { Clock, Logger } from '@longshore/runtime';
import type { FileStore } from '../files/file-store.ts';
import type { Database } from '../store/database.ts';
import type { MonthPartition } from '../store/partitions.ts';
import { clearing } from './clearing.ts';
import { whileDeleting } from './deletion-lock.ts';
import { removeDoomedObjects } from './doomed-objects.ts';
import { dueExecutions, dueOrganisations, mark, type DueOrganisation, type MarkedKind } from './due.ts';
import { readFootprints, type Footprint } from './footprints.ts';
import {
  clearMonthSlice,
  deleteOldHistory,
  droppableMonths,
  dropMonth,
  organisationsWithOldHistory,
} from './history.ts';
import { inBatches } from './pace.ts';
import type { RetentionHours } from './policy.ts';

export interface RetentionDependencies {
  readonly database: Database;
  readonly store: FileStore;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What is cleared, in this order: results go before the history that names them. */
const KINDS: readonly MarkedKind[] = ['uploads', 'logs', 'results'];

/**
 * One pass over everything whose time is over, by the database's clock. Only what has ended is touched. It works in small
 * batches with a rest after each, and of several backends one at a time makes a batch; one that finds the lock taken
 * leaves the rest of this kind to the other. It may be stopped between any two batches.
 */
export function createRetention(dependencies: RetentionDependencies, keep: RetentionHours) {
  const { database, logger } = dependencies;

  return async function enforceRetention(signal: AbortSignal): Promise<void> {
    for (const kind of KINDS) {
      for (const organisation of await dueOrganisations(database, kind, keep)) {
        await clearOrganisation(dependencies, kind, organisation, signal);
      }
    }
    const footprints = await readFootprints(database);
    for (const month of await droppableMonths(database, keep)) {
      if (await clearMonth(dependencies, footprints, month, signal)) await dropMonth(database, month, logger);
    }
    for (const organisation of await organisationsWithOldHistory(database, keep)) {
      const oldest = () => whileDeleting(database, (c) => deleteOldHistory(c, footprints, organisation));
      await inBatches(async () => (await oldest()) === true, { ...dependencies, signal });
    }
    if (keep.history > 0) await forgetOldSessions(database, keep.history);
    await removeAllDoomed(dependencies, signal);
  };
}

async function clearOrganisation(
  dependencies: RetentionDependencies,
  kind: MarkedKind,
  organisation: DueOrganisation,
  signal: AbortSignal,
): Promise<void> {
  let cleared = 0;
  const batch = () =>
    whileDeleting(dependencies.database, async (client) => {
      const executions = await dueExecutions(client, kind, organisation);
      const last = executions.at(-1);
      if (last === undefined) return false;
      const isDone = await clearing[kind](
        client,
        executions.map(({ id }) => id),
      );
      if (isDone) {
        await mark(client, kind, organisation.organisationId, last);
        cleared += executions.length;
      }
      return true;
    });
  await inBatches(async () => (await batch()) === true, { ...dependencies, signal });
  if (cleared === 0) return;
  dependencies.logger.info('Cleared what was kept long enough', {
    kind,
    organisation_id: organisation.organisationId,
    executions: cleared,
  });
}

/** True when only the runs of the month are left. */
async function clearMonth(
  dependencies: RetentionDependencies,
  footprints: readonly Footprint[],
  { from, to }: MonthPartition,
  signal: AbortSignal,
): Promise<boolean> {
  let cursor: string | null | undefined = from;
  const batch = async () => {
    const start: string = cursor!;
    cursor = await whileDeleting(dependencies.database, (c) =>
      clearMonthSlice(c, footprints, { cursor: start, to }),
    );
    return typeof cursor === 'string';
  };
  await inBatches(batch, { ...dependencies, signal });
  return cursor === null;
}

/** Who worked on a run is told for as long as the run is known. */
async function forgetOldSessions(database: Database, hours: number): Promise<void> {
  await database.query(`delete from sessions where ended_at < now() - $1::int * interval '1 hour'`, [hours]);
}

/** Removes every object whose rows are gone. */
export async function removeAllDoomed(
  { database, store, clock }: RetentionDependencies,
  signal: AbortSignal,
): Promise<void> {
  const [row] = await database.query<{ any: boolean }>('select exists (select 1 from doomed_objects) as any');
  if (row?.any !== true) return;
  await inBatches(async () => ((await removeDoomedObjects(database, store)) ?? 0) > 0, { clock, signal });
}
