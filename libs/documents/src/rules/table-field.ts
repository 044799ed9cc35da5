import type { WorkflowBlockPart, WorkflowColumn, WorkflowField } from '@longshore/contracts';
import type { ReadDocument } from '../document.ts';
import { convert, type ValueSpelling } from '../values/convert.ts';
import type { LocaleHabits } from '../values/locale-habits.ts';
import { compileBlocks } from './blocks.ts';
import { compileColumns, type FoundRow } from './column.ts';
import { conversionComplaint, type Complaint, type FieldResult } from './found.ts';
import { compileJsonPath } from './json-path.ts';
import type { LabelTests } from './label-tests.ts';
import type { Wording } from './wording.ts';

type TableField = Extract<WorkflowField, { type: 'table' }>;
type TableRule = Pick<TableField, 'columns' | 'blocks' | 'json_path'>;

interface Column extends ValueSpelling {
  readonly name: string;
  readonly wording: Wording;
  readonly required: boolean;
}

type Row = Record<string, unknown>;

/** What of all fields a table needs to know. */
export interface TableOptions {
  readonly name: string;
  readonly tests: LabelTests;
  readonly habits?: LocaleHabits | undefined;
}

/** Prepares a rule for a table: a list of objects, from headings, from labels that repeat, or from a path into JSON. */
export function compileTable(
  rule: TableRule,
  { name, tests, habits }: TableOptions,
): (document: ReadDocument) => FieldResult {
  if (rule.json_path !== undefined) {
    const find = compileJsonPath(rule.json_path);
    return (document) => {
      const found = find(document);
      return {
        ...objectRows(
          name,
          found.map(({ value }) => value),
        ),
        used: found,
      };
    };
  }
  const columns = Object.entries(rule.columns ?? rule.blocks ?? {}).map(([key, column]) =>
    toColumn(key, column, habits),
  );
  const wanted = columns.map(({ wording }) => wording);
  if (rule.blocks !== undefined) return readingRows(name, columns, compileBlocks(wanted, tests));
  const find = compileColumns(wanted, tests.isLabel);
  return readingRows(name, columns, (document) => find(document)?.rows ?? []);
}

function readingRows(
  name: string,
  columns: readonly Column[],
  find: (document: ReadDocument) => readonly FoundRow[],
) {
  return (document: ReadDocument): FieldResult => {
    const found = find(document);
    const rows = found.map(({ cells }, index) => readRow(`${name} row ${index + 1}`, columns, cells));
    const complaints = rows.flatMap((row) =>
      row.complaints.map((complaint) => ({ ...complaint, field: name })),
    );
    if (rows.length === 0) return { complaints };
    return {
      value: rows.map(({ value }) => value),
      complaints,
      rows: found.map(({ place }) => place),
    };
  };
}

function toColumn(
  name: string,
  column: WorkflowColumn | WorkflowBlockPart,
  habits: LocaleHabits | undefined,
): Column {
  if (typeof column === 'string' || Array.isArray(column)) {
    return { name, wording: column, type: 'string', required: false, habits };
  }
  const wording = 'heading' in column ? column.heading : column.label;
  return {
    ...column,
    name,
    wording,
    type: column.type ?? 'string',
    required: column.required === true,
    habits,
  };
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
