import { TableError } from './table-error.ts';

/** The types that columns are made of. */
export type ColumnType = 'text' | 'numeric' | 'bigint' | 'boolean' | 'date' | 'timestamptz' | 'jsonb';

export interface WantedColumn {
  readonly name: string;
  readonly type: ColumnType;
}

/** What a row always has in a table that a pipeline makes. */
export const FACT_COLUMNS: readonly (WantedColumn & { readonly fact: string })[] = [
  { name: 'longshore_execution_id', type: 'text', fact: '$execution_id' },
  { name: 'longshore_file', type: 'text', fact: '$file' },
  { name: 'longshore_pipeline_id', type: 'text', fact: '$pipeline_id' },
  { name: 'longshore_sha256', type: 'text', fact: '$sha256' },
];

/** A column as it stands in the database. */
export interface StoredColumn {
  readonly name: string;
  /** As `pg_type` has it: `int8`, `_text`. */
  readonly type: string;
}

/** A table as it stands in the database. */
export interface StoredTable {
  readonly columns: readonly StoredColumn[];
  /** The columns of each unique index that holds for all rows. */
  readonly keys: readonly (readonly string[])[];
}

/** How the database calls a type by itself. */
const STORED_NAMES: Readonly<Record<ColumnType, string>> = {
  ...{ text: 'text', numeric: 'numeric', bigint: 'int8', boolean: 'bool' },
  ...{ date: 'date', timestamptz: 'timestamptz', jsonb: 'jsonb' },
};

/**
 * What must be added to a table that a pipeline made so that it has these columns. @throws TableError where one is there as another type, or
 * the table was made by somebody else
 */
export function missingColumns(stored: StoredTable, wanted: readonly WantedColumn[]): WantedColumn[] {
  requireKey(
    stored,
    keyColumns(FACT_COLUMNS.map(({ name, fact }) => [name, fact])),
    'is there, and no pipeline made it: say with the key "columns" which column gets what',
  );
  const types = new Map(stored.columns.map(({ name, type }) => [name, type]));
  for (const { name, type } of wanted) {
    const there = types.get(name);
    if (there !== undefined && there !== STORED_NAMES[type])
      throw new TableError(
        'mismatch',
        `the column "${name}" is of type ${there} and the workflow now says ${type}: change the column, or name another table`,
      );
  }
  return wanted.filter(({ name }) => !types.has(name));
}

/** @throws TableError that names every column that a mapped table lacks, and what else it must have */
export function requireMapped(stored: StoredTable, mapping: readonly (readonly [string, string])[]): void {
  const there = new Set(stored.columns.map(({ name }) => name));
  const missing = mapping.map(([column]) => column).filter((column) => !there.has(column));
  if (missing.length > 0) {
    const list = missing.map((column) => `"${column}"`).join(', ');
    throw new TableError('mismatch', `has no column ${list}`);
  }
  const key = keyColumns(mapping);
  const [one, other] = key.map((column) => `"${column}"`);
  requireKey(stored, key, `needs a unique constraint on (${one}, ${other}), by which a row is found again`);
}

/** The columns by which a row is found again: those of its execution and its file. */
export function keyColumns(mapping: readonly (readonly [string, string])[]): string[] {
  return ['$execution_id', '$file'].map((fact) => mapping.find(([, what]) => what === fact)![0]);
}

function requireKey(stored: StoredTable, key: readonly string[], complaint: string): void {
  const wanted = key.toSorted().join('\0');
  if (!stored.keys.some((columns) => columns.toSorted().join('\0') === wanted))
    throw new TableError('mismatch', complaint);
}
