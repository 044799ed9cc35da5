import type { Database } from '../store/database.ts';

/**
 * How rows of a table belong to what is deleted, read from the schema itself, so that a new table cannot be
 * forgotten: a column `organisation_id`, `execution_id` or `run_id` names the owner; else a foreign key to a row that has one.
 */
export interface Footprint {
  readonly table: string;
  /** Columns that name a run, an execution, an organisation; absent ones undefined. */
  readonly run: string | undefined;
  readonly execution: string | undefined;
  readonly organisation: string | undefined;
  readonly references: readonly ForeignKey[];
}

export interface ForeignKey {
  readonly table: string;
  readonly column: string;
  readonly referenced: string;
  readonly referencedColumn: string;
}

/** Belongs to no organisation: what describes the instance itself. */
export const INSTANCE_TABLES: readonly string[] = [
  'instance_secrets',
  'limit_permits',
  'limit_starts',
  'limit_wakes',
  'pool_leases',
  'queue_depths',
  'schema_migrations',
  'sessions',
  'tasks',
];

/** The proof that a deletion happened stays. */
export const KEPT_TABLES: readonly string[] = ['deletions'];

/** Tables whose own id is the id of an execution. */
const NAMED_BY_EXECUTION: readonly string[] = [
  'executions',
  'submitted_tasks',
  'live_executions',
  'ended_executions',
];

/** The tables that hold anything of an organisation, those that refer to others before these. */
export async function readFootprints(database: Database): Promise<Footprint[]> {
  const columns = await database.query<{ table: string; columns: string[] }>(
    `select c.relname as table, array_agg(a.attname::text) as columns
       from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      group by c.relname order by c.relname`,
  );
  const keys = await database.query<ForeignKey>(
    `select c.conrelid::regclass::text as table, a.attname as column, c.confrelid::regclass::text as referenced,
            f.attname as "referencedColumn"
       from pg_constraint c
       join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
       join pg_attribute f on f.attrelid = c.confrelid and f.attnum = c.confkey[1]
      where c.contype = 'f' and c.connamespace = current_schema()::regnamespace and cardinality(c.conkey) = 1`,
  );
  const footprints = columns
    .filter(({ table }) => ![...INSTANCE_TABLES, ...KEPT_TABLES].includes(table))
    .map((row) => footprintOf(row, keys));
  return referringFirst(footprints);
}

function footprintOf({ table, columns }: { table: string; columns: string[] }, keys: readonly ForeignKey[]) {
  const named = (column: string) => (columns.includes(column) ? column : undefined);
  return {
    table,
    run: table === 'runs' ? undefined : named('run_id'),
    execution: NAMED_BY_EXECUTION.includes(table) ? 'id' : named('execution_id'),
    organisation: table === 'organisations' ? 'id' : named('organisation_id'),
    references: keys.filter((key) => key.table === table),
  };
}

function referringFirst(footprints: readonly Footprint[]): Footprint[] {
  const ordered: Footprint[] = [];
  const visit = (footprint: Footprint): void => {
    if (ordered.includes(footprint)) return;
    const referring = footprints.filter((other) =>
      other.references.some((key) => key.referenced === footprint.table && key.table !== footprint.table),
    );
    referring.forEach(visit);
    ordered.push(footprint);
  };
  footprints.forEach(visit);
  return ordered;
}

/**
 * The SQL condition for a row of this table to belong to organisation $1, directly or through what it refers to;
 * undefined for a table of which no row can.
 */
export function ownedBy(footprint: Footprint, all: readonly Footprint[]): string | undefined {
  if (footprint.organisation !== undefined) return `${footprint.organisation} = $1::uuid`;
  const through = footprint.references
    .filter((key) => key.referenced !== key.table)
    .flatMap((key) => {
      const owner = all.find(({ table }) => table === key.referenced);
      const condition = owner && ownedBy(owner, all);
      return condition === undefined
        ? []
        : [`${key.column} in (select ${key.referencedColumn} from ${key.referenced} where ${condition})`];
    });
  return through.length === 0 ? undefined : through.join(' or ');
}

/**
 * The SQL condition for a row of a table without an organisation, tied to a run or an execution alone, to belong to nobody
 * any more; undefined for all other tables.
 */
export function forsaken(footprint: Footprint, all: readonly Footprint[]): string | undefined {
  const { table, run, execution } = footprint;
  if (ownedBy(footprint, all) !== undefined) return undefined;
  if (run !== undefined) return `not exists (select 1 from runs where runs.id = ${table}.${run})`;
  if (execution !== undefined) {
    return `not exists (select 1 from ended_executions e where e.id = ${table}.${execution})
      and not exists (select 1 from live_executions e where e.id = ${table}.${execution})`;
  }
  return undefined;
}
