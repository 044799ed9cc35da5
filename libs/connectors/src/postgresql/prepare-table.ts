import type { Client } from 'pg';
import { TableError } from './table-error.ts';
import {
  FACT_COLUMNS,
  missingColumns,
  requireMapped,
  type StoredColumn,
  type StoredTable,
  type WantedColumn,
} from './table-shape.ts';

export interface TableName {
  readonly schema: string;
  readonly table: string;
}

/** `"schema"."table"`, with whatever stands in them. */
export function quotedTable({ schema, table }: TableName): string {
  return `${quoted(schema)}.${quoted(table)}`;
}

export function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/**
 * Sees to it that a table of the pipeline's own is there with these columns: it is made, or gets those that it lacks; none is ever taken
 * away or changed. @throws TableError
 */
export async function makeTable(
  client: Client,
  name: TableName,
  wanted: readonly WantedColumn[],
): Promise<StoredTable> {
  const columns = [...FACT_COLUMNS, ...wanted];
  await client.query('begin');
  try {
    // Of two that make the same table at the same moment one waits.
    await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [
      `longshore ${quotedTable(name)}`,
    ]);
    const stored = await readTable(client, name);
    if (stored === null) await client.query(creation(name, columns));
    else {
      const missing = missingColumns(stored, columns);
      const additions = missing.map((column) => `add column if not exists ${definition(column)}`);
      if (additions.length > 0)
        await client.query(`alter table ${quotedTable(name)} ${additions.join(', ')}`);
    }
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
  return (await readTable(client, name))!;
}

/** @throws TableError when the table is not there or not as the mapping needs it: before anything is written. */
export async function checkMapped(
  client: Client,
  name: TableName,
  mapping: readonly (readonly [string, string])[],
): Promise<StoredTable> {
  const stored = await readTable(client, name);
  if (stored === null) throw new TableError('missing', 'is not there, or the credential may not see it');
  requireMapped(stored, mapping);
  return stored;
}

function creation(name: TableName, columns: readonly WantedColumn[]): string {
  const [execution, file] = FACT_COLUMNS;
  const parts = [
    ...columns.map(definition),
    `"longshore_delivered_at" timestamptz not null default now()`,
    `primary key (${quoted(execution!.name)}, ${quoted(file!.name)})`,
  ];
  return `create table ${quotedTable(name)} (${parts.join(', ')})`;
}

function definition({ name, type }: WantedColumn): string {
  return `${quoted(name)} ${type}`;
}

/** Null: there is no such table. */
async function readTable(client: Client, { schema, table }: TableName): Promise<StoredTable | null> {
  const { rows } = await client.query<{ columns: StoredColumn[] | null; keys: string[][] | null }>(
    `select (
       select json_agg(json_build_object('name', a.attname, 'type', t.typname) order by a.attnum)
         from pg_attribute a join pg_type t on t.oid = a.atttypid
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns, (
       select json_agg((select json_agg(a.attname) from pg_attribute a
                         where a.attrelid = c.oid and a.attnum = any(i.indkey::int2[])))
         from pg_index i
        where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null) as keys
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p')`,
    [schema, table],
  );
  const [found] = rows;
  return found === undefined ? null : { columns: found.columns ?? [], keys: found.keys ?? [] };
}
