import type { Database } from './database.ts';

/** Any number; "if not exists" does not keep two backends from making the same table at once. */
const PARTITION_LOCK = 7_061_984;

/**
 * Makes sure that this month's and the next month's partition of `runs` exist. Called at start and once a day;
 * a run outside every month (a clock gone wrong) lands in the default partition and is not refused.
 */
export async function ensurePartitions(database: Database, now: Date): Promise<void> {
  for (const offset of [0, 1]) {
    const from = monthStart(now, offset);
    const to = monthStart(now, offset + 1);
    const name = `runs_${from.toISOString().slice(0, 7).replace('-', '_')}`;
    await database.transaction(async (client) => {
      await client.query('select pg_advisory_xact_lock($1)', [PARTITION_LOCK]);
      await client.query(
        `create table if not exists ${name} partition of runs
         for values from ('${firstIdAt(from)}') to ('${firstIdAt(to)}') with (fillfactor = 50, toast_tuple_target = 512)`,
      );
    });
  }
}

function monthStart(now: Date, offset: number): Date {
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + offset, 1));
}

/** The least UUID v7 of a moment: its 48-bit millisecond, then zeros. */
function firstIdAt(moment: Date): string {
  const hex = moment.getTime().toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

/** One month of runs: the ids from `from` on, those from `to` on not among them. */
export interface MonthPartition {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/** The months whose last moment is this many hours ago or longer, by the database's clock, oldest first. */
export async function monthPartitions(database: Database, hoursAgo: number): Promise<MonthPartition[]> {
  const rows = await database.query<{ name: string; bound: string; before: Date }>(
    `select c.relname as name, pg_get_expr(c.relpartbound, c.oid) as bound,
            now() - $1::int * interval '1 hour' as before
       from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'runs'::regclass order by c.relname`,
    [hoursAgo],
  );
  return rows.flatMap(({ name, bound, before }) => {
    const [, from, to] = /^FOR VALUES FROM \('([0-9a-f-]{36})'\) TO \('([0-9a-f-]{36})'\)$/.exec(bound) ?? [];
    return from === undefined || to === undefined || to > firstIdAt(before) ? [] : [{ name, from, to }];
  });
}
