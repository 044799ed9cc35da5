import type { Logger } from '@longshore/runtime';
import { sqlStateOf, type Database, type SqlClient } from '../store/database.ts';
import { monthPartitions, type MonthPartition } from '../store/partitions.ts';
import { whileDeleting } from './deletion-lock.ts';
import { withinBudget, type DueExecution } from './due.ts';
import { deleteFamilies } from './families.ts';
import type { Footprint } from './footprints.ts';
import { deleteLogRange } from './log-lines.ts';
import { ownHours, type RetentionHours } from './policy.ts';

/** Whoever waits for the table waits behind us: rather come again than hold them up. */
const LOCK_TIMEOUT_MS = 500;
const LOCK_NOT_AVAILABLE = '55P03';
const SLICE = 500;
/** A month that cannot be dropped as a whole is cleared row by row once its last day is due too. */
const MONTH_HOURS = 32 * 24;

/** SQL for row `o`: the hours of history of an organisation, with the platform's in `$1`. */
const hours = `coalesce(${ownHours('history')}, $1::int)`;

/** The months of which every execution is due, and none unfinished. */
export async function droppableMonths(
  database: Database,
  defaults: RetentionHours,
): Promise<MonthPartition[]> {
  if (defaults.history === 0) return [];
  const months = await monthPartitions(database, defaults.history);
  const droppable: MonthPartition[] = [];
  for (const month of months) {
    const [row] = await database.query<{ kept: boolean }>(
      `select exists (select 1 from live_executions where id >= $2::uuid and id < $3::uuid)
           or exists (select 1 from ended_executions e join organisations o on o.id = e.organisation_id
                       where e.id >= $2::uuid and e.id < $3::uuid
                         and (${hours} = 0 or e.ended_at >= now() - ${hours} * interval '1 hour')) as kept`,
      [defaults.history, month.from, month.to],
    );
    if (row?.kept === false) droppable.push(month);
  }
  return droppable;
}

/**
 * Deletes the next slice of what belongs to the runs of a month, in the order of ids from `cursor` on. Answers where the
 * next slice begins; null when only the runs are left.
 */
export async function clearMonthSlice(
  client: SqlClient,
  footprints: readonly Footprint[],
  { cursor, to }: { cursor: string; to: string },
): Promise<string | null> {
  const { rows } = await client.query<{ id: string }>(
    'select id from ended_executions where id > $1::uuid and id < $2::uuid order by id offset $3 limit 1',
    [cursor, to, SLICE],
  );
  const end = rows[0]?.id ?? to;
  if (!(await deleteLogRange(client, cursor, end)).done) return cursor;
  await client.query(
    `insert into doomed_objects (object, organisation_id)
     select f.object, f.organisation_id from files f where f.execution_id >= $1::uuid and f.execution_id < $2::uuid
     union
     select r.output ->> 'ref', r.organisation_id from runs r
      where r.id >= $1::uuid and r.id < $2::uuid and r.output ? 'ref'
     on conflict do nothing`,
    [cursor, end],
  );
  for (const { table, run, execution } of footprints) {
    for (const column of [run, execution].filter((name) => name !== undefined)) {
      await client.query(`delete from ${table} where ${column} >= $1::uuid and ${column} < $2::uuid`, [
        cursor,
        end,
      ]);
    }
  }
  return rows[0] === undefined ? null : end;
}

/** Drops the month when nothing names its runs any more. False: it is in use at the moment, or not empty after all. */
export async function dropMonth(database: Database, month: MonthPartition, logger: Logger): Promise<boolean> {
  try {
    const dropped = await whileDeleting(database, async (client) => {
      // Waits for a vacuum, which gives way after a second, and stands in nobody else's way meanwhile.
      await client.query(`lock table only ${month.name} in share update exclusive mode`);
      await client.query(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`);
      await client.query(`lock table only runs, only ${month.name} in access exclusive mode`);
      const { rows } = await client.query<{ used: boolean }>(
        `select exists (select 1 from live_executions where id >= $1::uuid and id < $2::uuid)
             or exists (select 1 from ended_executions where id >= $1::uuid and id < $2::uuid) as used`,
        [month.from, month.to],
      );
      if (rows[0]?.used !== false) return false;
      await client.query(`drop table ${month.name}`);
      return true;
    });
    if (dropped === true) logger.info('Dropped a month of history', { partition: month.name });
    return dropped === true;
  } catch (error) {
    if (sqlStateOf(error) !== LOCK_NOT_AVAILABLE) throw error;
    return false;
  }
}

/** Organisations with history that is deleted by rows: their own period is over, or the month was not dropped for long. */
export async function organisationsWithOldHistory(
  database: Database,
  defaults: RetentionHours,
): Promise<{ organisationId: string; hours: number }[]> {
  return await database.query(
    `select o.id as "organisationId", p.hours
       from organisations o
      cross join lateral (select case when ${ownHours('history')} is null then nullif($1::int, 0) + ${MONTH_HOURS}
                                      else nullif(${ownHours('history')}, 0) end as hours) p
      where p.hours is not null
        and exists (select 1 from ended_executions e
                     where e.organisation_id = o.id and e.ended_at < now() - p.hours * interval '1 hour')`,
    [defaults.history],
  );
}

/** Deletes the longest ended executions of an organisation by rows; false when none is due. */
export async function deleteOldHistory(
  client: SqlClient,
  footprints: readonly Footprint[],
  { organisationId, hours }: { organisationId: string; hours: number },
): Promise<boolean> {
  const executionIds = await oldestExecutions(client, organisationId, hours);
  if (executionIds.length === 0) return false;
  await deleteFamilies(client, footprints, executionIds);
  return true;
}

/** A batch of an organisation's ended executions, the longest ended first, all that ended `hours` ago or earlier. */
export async function oldestExecutions(
  client: SqlClient,
  organisationId: string,
  hours: number,
): Promise<string[]> {
  const { rows } = await client.query<DueExecution>(
    `select e.id, e.ended_at::text as "endedAt", coalesce(r.children_total, 0) + 2 as runs
       from (select id, ended_at from ended_executions
              where organisation_id = $1 and ended_at <= now() - $2::int * interval '1 hour'
              order by ended_at, id limit 200) e
       left join lateral (select children_total from runs where runs.id = e.id offset 0) r on true
      order by e.ended_at, e.id`,
    [organisationId, hours],
  );
  return withinBudget(rows).map(({ id }) => id);
}
