import { queryOnce } from '@longshore/embedded-postgres';
import { type Violation, violation } from './check-ledger.ts';
import type { PipelineEntry } from './pipeline-load.ts';

/** A row of a table that is a destination. */
export interface ResultRow {
  readonly execution: string;
  readonly file: string;
  readonly number: string | null;
  readonly total: number | null;
}

/** All rows of each table that these pipelines write, looked up past the wires. A table that nobody made yet has none. */
export async function readRows(
  databaseUrl: string,
  entries: readonly PipelineEntry[],
): Promise<Map<string, ResultRow[]>> {
  const tables = new Map<string, ResultRow[]>();
  for (const { pipeline } of entries) {
    if (!('table' in pipeline.destination) || tables.has(pipeline.destination.table)) continue;
    const { table } = pipeline.destination;
    const [there] = await queryOnce<{ found: boolean }>(
      databaseUrl,
      'select to_regclass($1) is not null as found',
      [table],
    );
    const select = `select longshore_execution_id as execution, longshore_file as file, number, total::float8 as total from ${table}`;
    tables.set(table, there!.found ? await queryOnce<ResultRow>(databaseUrl, select) : []);
  }
  return tables;
}

/**
 * Holds the rows of the tables against what was put into the sources: each file has one row, with what stands in it, written by the
 * execution that it was put there for and by no later one; no row is there for nothing.
 */
export function checkRows(
  entries: readonly PipelineEntry[],
  tables: ReadonlyMap<string, readonly ResultRow[]>,
): Violation[] {
  return [...tables].flatMap(([table, rows]) =>
    checkTable(
      entries.filter(
        ({ pipeline: { destination } }) => 'table' in destination && destination.table === table,
      ),
      rows,
    ),
  );
}

function checkTable(entries: readonly PipelineEntry[], rows: readonly ResultRow[]): Violation[] {
  const byFile = Map.groupBy(rows, ({ file }) => file);
  const expected = entries.flatMap((entry) =>
    entry.files.filter(({ wasDelivered }) => !wasDelivered).map((file) => ({ entry, file })),
  );
  const known = new Set(expected.map(({ file }) => file.name));
  const strange = [...byFile.keys()].filter((name) => !known.has(name));
  return [
    ...expected.flatMap(({ entry, file }) => checkFile(entry, file, byFile.get(file.name) ?? [])),
    ...strange.map((name) => violation('foreign', name, 'nobody put it into the source, and it has a row')),
  ];
}

function checkFile(
  { executionIds, tag }: PipelineEntry,
  { name, output }: PipelineEntry['files'][number],
  rows: readonly ResultRow[],
): Violation[] {
  const about = executionIds[0] ?? tag;
  const own = rows.filter(({ execution }) => execution === about);
  const others = rows.filter(({ execution }) => execution !== about);
  const twice = others.map(({ execution }) =>
    violation('doubled', about, `${name} has a row of ${execution} as well`),
  );
  const [row] = own;
  if (row === undefined) return [...twice, violation('lost', about, `${name} has no row`)];
  if (own.length > 1) return [...twice, violation('doubled', about, `${name} has ${own.length} rows`)];
  if (row.number === output?.number && row.total === output?.total) return twice;
  return [...twice, violation('wrong', about, `${name} has the row ${JSON.stringify(row)}`)];
}
