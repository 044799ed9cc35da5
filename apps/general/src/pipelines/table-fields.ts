import type { ColumnType, WantedColumn } from '@longshore/connectors';
import type { WorkflowDefinition } from '@longshore/contracts';

const OF_SCHEMA: Readonly<Record<string, ColumnType>> = {
  ...{ string: 'text', number: 'numeric', integer: 'bigint', boolean: 'boolean' },
  ...{ array: 'jsonb', object: 'jsonb' },
};
const OF_FORMAT: Readonly<Record<string, ColumnType>> = { date: 'date', 'date-time': 'timestamptz' };
const OF_FIELD: Readonly<Record<string, ColumnType>> = {
  ...{ string: 'text', number: 'numeric', boolean: 'boolean', date: 'date' },
  ...{ list: 'jsonb', table: 'jsonb' },
};

interface Schema {
  readonly type?: string | readonly string[];
  readonly format?: unknown;
  readonly properties?: Readonly<Record<string, unknown>>;
}

/**
 * The fields that results of a workflow have, each with the type of a column that holds it: those of its fields, and of its output
 * schema where that says more. A workflow with neither has no fields that could be known.
 */
export function tableFields({ steps, output_schema: schema }: WorkflowDefinition): WantedColumn[] {
  const types = new Map<string, ColumnType>();
  for (const { extract } of steps) {
    const sets = [extract?.fields, ...(extract?.overrides ?? []).map(({ fields }) => fields)];
    for (const [name, { type }] of sets.flatMap((fields) => Object.entries(fields ?? {}))) {
      const found = OF_FIELD[type] ?? 'jsonb';
      types.set(name, (types.get(name) ?? found) === found ? found : 'jsonb');
    }
  }
  for (const [name, property] of Object.entries((schema as Schema | undefined)?.properties ?? {})) {
    const [said, known] = [typeOfProperty(property), types.get(name)];
    // A schema has no word of its own for a date: that of the field says more.
    types.set(name, (said === 'text' ? known : undefined) ?? said ?? known ?? 'jsonb');
  }
  return [...types].map(([name, type]) => ({ name, type }));
}

/** Undefined where the schema leaves it open. */
function typeOfProperty(property: unknown): ColumnType | undefined {
  if (typeof property !== 'object' || property === null) return undefined;
  const { type, format } = property as Schema;
  const named = [type ?? []].flat().filter((each) => each !== 'null');
  const [only, ...others] = named;
  if (only === undefined) return undefined;
  if (others.length > 0)
    return named.every((each) => each === 'integer' || each === 'number') ? 'numeric' : 'jsonb';
  return (only === 'string' ? OF_FORMAT[String(format)] : undefined) ?? OF_SCHEMA[only] ?? 'jsonb';
}
