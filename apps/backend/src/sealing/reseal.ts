import type { Database, SqlClient } from '../store/database.ts';
import { openSealing, writeCheck, type OpenSealingDependencies } from './open-sealing.ts';
import { contextOf, sealedColumns, type SealedColumn } from './sealed-columns.ts';
import type { Sealing } from './sealing.ts';

/** Rows that are locked at once. */
const BATCH = 100;

/**
 * Seals everything by the newest key that an older one sealed, while backends run or not. Afterwards the older keys are no
 * longer needed. Answers how many secrets it sealed anew.
 * @throws SealingError when a secret cannot be opened; what was sealed anew before stays so
 */
export async function reseal(dependencies: OpenSealingDependencies): Promise<number> {
  const { database, logger } = dependencies;
  const { sealing, keys } = await openSealing(dependencies);
  let sealed = 0;
  for (const column of sealedColumns) sealed += await resealColumn(database, column, sealing, keys[0]!.id);
  await database.transaction((client) => writeCheck(client, sealing));
  logger.info('Secrets are sealed by the newest key', { sealed, key: keys[0]!.id });
  return sealed;
}

async function resealColumn(
  database: Database,
  column: SealedColumn,
  sealing: Sealing,
  newest: string,
): Promise<number> {
  for (let sealed = 0; ;) {
    const done = await database.transaction((client) => resealBatch(client, column, { sealing, newest }));
    sealed += done;
    if (done < BATCH) return sealed;
  }
}

async function resealBatch(
  client: SqlClient,
  place: SealedColumn,
  { sealing, newest }: { sealing: Sealing; newest: string },
): Promise<number> {
  const { table, key, column } = place;
  const { rows } = await client.query<{ key: string; sealed: string }>(
    `select ${key} as key, ${column} as sealed from ${table}
      where split_part(${column}, '.', 2) <> $1 order by ${key} limit ${BATCH} for update`,
    [newest],
  );
  for (const row of rows) {
    const context = contextOf(place, row.key);
    const anew = sealing.seal(sealing.open(row.sealed, context), context);
    await client.query(`update ${table} set ${column} = $2 where ${key} = $1`, [row.key, anew]);
  }
  return rows.length;
}
