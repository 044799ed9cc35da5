import type { WorkflowColumn, WorkflowField } from '@longshore/contracts';
import type { ReadDocument } from '../document.ts';
import { convert, type ValueSpelling } from '../values/convert.ts';
import { compileColumns } from './column.ts';
import { conversionProblem, type FieldProblem, type FieldResult } from './found.ts';
import { compileJsonPath } from './json-path.ts';
import type { LabelTests } from './label.ts';
import type { Wording } from './wording.ts';

type TableField = Extract<WorkflowField, { type: 'table' }>;

interface Column extends ValueSpelling {
  readonly name: string;
  readonly heading: Wording;
  readonly required: boolean;
}

type Row = Record<string, unknown>;

/** Prepares a table field: a list of objects, from headings or from a path into JSON. */
export function compileTable(
  name: string,
  field: TableField,
  { isLabel }: LabelTests,
): (document: ReadDocument) => FieldResult {
  if (field.json_path !== undefined) {
    const find = compileJsonPath(field.json_path);
    return (document) => objectRows(name, find(document));
  }
  const columns = Object.entries(field.columns ?? {}).map(([key, column]) => toColumn(key, column));
  const find = compileColumns(
    columns.map(({ heading }) => heading),
    isLabel,
  );
  return (document) => {
    const rows = (find(document)?.rows ?? []).map((cells, index) =>
      readRow(`${name} row ${index + 1}`, columns, cells),
    );
    const problems = rows.flatMap((row) => row.problems.map((problem) => ({ ...problem, field: name })));
    return rows.length === 0 ? { problems } : { value: rows.map(({ value }) => value), problems };
  };
}

function toColumn(name: string, column: WorkflowColumn): Column {
  if (typeof column === 'string' || Array.isArray(column)) {
    return { name, heading: column, type: 'string', required: false };
  }
  return { ...column, name, type: column.type ?? 'string', required: column.required === true };
}

function readRow(where: string, columns: readonly Column[], cells: readonly (string | undefined)[]) {
  const problems: FieldProblem[] = [];
  const value: [string, unknown][] = [];
  for (const [index, column] of columns.entries()) {
    const cell = cells[index] ?? '';
    if (cell === '') {
      if (column.required)
        problems.push({ field: where, reason: 'missing', message: `${where} has no ${column.name}.` });
      continue;
    }
    const converted = convert(cell, column);
    if ('value' in converted) value.push([column.name, converted.value]);
    else problems.push(conversionProblem(`${where}, ${column.name}`, converted.complaint));
  }
  return { value: Object.fromEntries(value) as Row, problems };
}

/** The objects at a path, whether it leads to each of them or to their list. */
function objectRows(name: string, found: readonly unknown[]): FieldResult {
  const items = found.flatMap((value) => (Array.isArray(value) ? (value as unknown[]) : [value]));
  const strange = items.findIndex((item) => typeof item !== 'object' || item === null || Array.isArray(item));
  if (strange >= 0) return { problems: [conversionProblem(name, `item ${strange + 1} is not an object`)] };
  return items.length === 0 ? { problems: [] } : { value: items, problems: [] };
}
