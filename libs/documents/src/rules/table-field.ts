import type { WorkflowColumn, WorkflowField } from '@longshore/contracts';
import type { ReadDocument } from '../document.ts';
import { convert, type ValueSpelling } from '../values/convert.ts';
import { compileColumns } from './column.ts';
import { conversionComplaint, type Complaint, type FieldResult } from './found.ts';
import { compileJsonPath } from './json-path.ts';
import type { LabelTests } from './label.ts';
import type { Wording } from './wording.ts';

type TableField = Extract<WorkflowField, { type: 'table' }>;
type TableRule = Pick<TableField, 'columns' | 'json_path'>;

interface Column extends ValueSpelling {
  readonly name: string;
  readonly heading: Wording;
  readonly required: boolean;
}

type Row = Record<string, unknown>;

/** Prepares a rule for a table: a list of objects, from headings or from a path into JSON. */
export function compileTable(
  name: string,
  rule: TableRule,
  { isLabel }: LabelTests,
): (document: ReadDocument) => FieldResult {
  if (rule.json_path !== undefined) {
    const find = compileJsonPath(rule.json_path);
    return (document) => objectRows(name, find(document));
  }
  const columns = Object.entries(rule.columns ?? {}).map(([key, column]) => toColumn(key, column));
  const find = compileColumns(
    columns.map(({ heading }) => heading),
    isLabel,
  );
  return (document) => {
    const rows = (find(document)?.rows ?? []).map((cells, index) =>
      readRow(`${name} row ${index + 1}`, columns, cells),
    );
    const complaints = rows.flatMap((row) =>
      row.complaints.map((complaint) => ({ ...complaint, field: name })),
    );
    return rows.length === 0 ? { complaints } : { value: rows.map(({ value }) => value), complaints };
  };
}

function toColumn(name: string, column: WorkflowColumn): Column {
  if (typeof column === 'string' || Array.isArray(column)) {
    return { name, heading: column, type: 'string', required: false };
  }
  return { ...column, name, type: column.type ?? 'string', required: column.required === true };
}

function readRow(where: string, columns: readonly Column[], cells: readonly (string | undefined)[]) {
  const complaints: Complaint[] = [];
  const value: [string, unknown][] = [];
  for (const [index, column] of columns.entries()) {
    const cell = cells[index] ?? '';
    if (cell === '') {
      if (column.required)
        complaints.push({ field: where, reason: 'missing', message: `${where} has no ${column.name}.` });
      continue;
    }
    const converted = convert(cell, column);
    if ('value' in converted) value.push([column.name, converted.value]);
    else complaints.push(conversionComplaint(`${where}, ${column.name}`, converted.complaint));
  }
  return { value: Object.fromEntries(value) as Row, complaints };
}

/** The objects at a path, whether it leads to each of them or to their list. */
export function objectRows(name: string, found: readonly unknown[]): FieldResult {
  const items = found.flatMap((value) => (Array.isArray(value) ? (value as unknown[]) : [value]));
  const strange = items.findIndex((item) => typeof item !== 'object' || item === null || Array.isArray(item));
  if (strange >= 0)
    return { complaints: [conversionComplaint(name, `item ${strange + 1} is not an object`)] };
  return items.length === 0 ? { complaints: [] } : { value: items, complaints: [] };
}
