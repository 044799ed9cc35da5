import type { z } from 'zod';
import { sourcesOf, type WorkflowField } from './field.ts';
import type { stepsSchema } from './steps.ts';

/**
 * An output with its keys in the order of the workflow: fields as they are defined, those that an override adds behind
 * them, and the cells of a row as its columns. What the definition does not name keeps its order and comes last. What
 * is no object, as the output of a run that failed before its fields, is given back as it is.
 */
export function orderedOutput(definition: { steps: z.infer<typeof stepsSchema> }, output: unknown): unknown {
  if (!isRecord(output)) return output;
  const columns = columnsOfFields(definition.steps);
  return Object.fromEntries(
    inOrder(output, [...columns.keys()]).map(([name, value]) => {
      const order = columns.get(name) ?? [];
      const ordered =
        order.length > 0 && Array.isArray(value) ? value.map((row) => orderedRow(row, order)) : value;
      return [name, ordered];
    }),
  );
}

/** The fields in their order, tables with the names of their columns. */
function columnsOfFields(steps: z.infer<typeof stepsSchema>): Map<string, string[]> {
  const extract = steps.find((step) => step.extract !== undefined)?.extract;
  const columns = new Map<string, string[]>();
  for (const fields of [extract?.fields, ...(extract?.overrides ?? []).map((override) => override.fields)]) {
    for (const [name, field] of Object.entries(fields ?? {})) {
      columns.set(name, [...(columns.get(name) ?? []), ...columnNames(field)]);
    }
  }
  return columns;
}

function columnNames(field: WorkflowField): string[] {
  if (field.type !== 'table') return [];
  return sourcesOf(field).flatMap((source) => Object.keys(source.columns ?? {}));
}

function orderedRow(row: unknown, order: readonly string[]): unknown {
  return isRecord(row) ? Object.fromEntries(inOrder(row, order)) : row;
}

function inOrder(record: Readonly<Record<string, unknown>>, order: readonly string[]): [string, unknown][] {
  const known = [...new Set(order)].filter((name) => Object.hasOwn(record, name));
  const others = Object.keys(record).filter((name) => !known.includes(name));
  return [...known, ...others].map((name) => [name, record[name]]);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
