import type { Client } from 'pg';
import { connect, disconnect, type ConnectOptions } from './connect.ts';
import { checkMapped, makeTable, quoted, quotedTable, type TableName } from './prepare-table.ts';
import { asTableError, TableError } from './table-error.ts';
import { FACT_COLUMNS, keyColumns, type StoredTable, type WantedColumn } from './table-shape.ts';

export interface TableOptions extends ConnectOptions, TableName {
  /** Which column gets which field or fact of a row. Null: the table is the pipeline's own, and has the columns of `fields`. */
  readonly mapping: Readonly<Record<string, string>> | null;
  /** The fields that results have, each a column of a table of the pipeline's own. */
  readonly fields: readonly WantedColumn[];
}

/** What a row is made of: fields by their names, facts by theirs with a `$`. */
export type RowValues = (what: string) => unknown;

/** A table that takes one row for each file of an execution. */
export interface OpenTable {
  /**
   * Writes the row of a file, in one statement. Where the same execution wrote that file's row before, it is replaced: said twice there
   * is one row. @throws TableError `row` when it is the values that do not fit
   */
  write(values: RowValues): Promise<void>;
  close(): Promise<void>;
}

/**
 * Connects, and sees to it that the table can take what is to be written, before anything is. @throws TableError
 */
export async function openTable(options: TableOptions): Promise<OpenTable> {
  const client = await connect(options);
  try {
    const { columns, stored } = await prepare(client, options);
    const statement = insertion(options, columns);
    const types = new Map(stored.columns.map(({ name, type }) => [name, type]));
    return {
      async write(values) {
        const row = columns.map(([column, what]) => asParameter(values(what), types.get(column)!));
        try {
          await client.query({ text: statement, values: row });
        } catch (error) {
          throw asTableError(error);
        }
      },
      close: () => disconnect(client),
    };
  } catch (error) {
    await disconnect(client);
    throw named(asTableError(error), options);
  }
}

type Mapping = readonly (readonly [column: string, what: string])[];

async function prepare(
  client: Client,
  { schema, table, mapping, fields }: TableOptions,
): Promise<{ columns: Mapping; stored: StoredTable }> {
  if (mapping !== null) {
    const columns = Object.entries(mapping);
    return { columns, stored: await checkMapped(client, { schema, table }, columns) };
  }
  refuseUnnameable(fields);
  const stored = await makeTable(client, { schema, table }, fields);
  const facts = FACT_COLUMNS.map(({ name, fact }) => [name, fact] as const);
  return { columns: [...facts, ...fields.map(({ name }) => [name, name] as const)], stored };
}

const LONGEST_IDENTIFIER_BYTES = 63;

/** The server would cut a long name off without a word, and take two for one. */
function refuseUnnameable(fields: readonly WantedColumn[]): void {
  const wrong = fields.find(
    ({ name }) =>
      name === '' ||
      name.includes('\0') ||
      Buffer.byteLength(name) > LONGEST_IDENTIFIER_BYTES ||
      name.startsWith('longshore_'),
  );
  if (wrong !== undefined)
    throw new TableError(
      'mismatch',
      `no column can be called "${wrong.name}": at most ${LONGEST_IDENTIFIER_BYTES} bytes, and not longshore_…; map it with the key "columns"`,
    );
}

function insertion(name: TableName, columns: Mapping): string {
  const key = keyColumns(columns);
  const list = (names: readonly string[]) => names.map(quoted).join(', ');
  const values = columns.map((_, index) => `$${index + 1}`).join(', ');
  const others = columns.map(([column]) => column).filter((column) => !key.includes(column));
  const update =
    others.length === 0
      ? 'do nothing'
      : `do update set ${others.map((column) => `${quoted(column)} = excluded.${quoted(column)}`).join(', ')}`;
  return (
    `insert into ${quotedTable(name)} (${list(columns.map(([column]) => column))}) values (${values}) ` +
    `on conflict (${list(key)}) ${update}`
  );
}

/** As text: the server reads it by the type of the column. */
function asParameter(value: unknown, type: string): unknown {
  if (value === undefined || value === null) return null;
  if (type === 'json' || type === 'jsonb') return JSON.stringify(value);
  if (type.startsWith('_') && Array.isArray(value))
    return value.map((item: unknown) => (item === null ? null : asText(item)));
  return asText(value);
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function named(error: unknown, name: TableName): unknown {
  if (!(error instanceof TableError)) return error;
  const { problem, message } = error;
  return new TableError(problem, `the table ${quotedTable(name)}: ${message}`, { cause: error });
}
