import type { WorkflowField } from '@longshore/contracts';
import { convert, type ValueSpelling } from '../values/convert.ts';
import { compileColumns } from './column.ts';
import { compileExpression, ExpressionError } from './expression.ts';
import { conversionComplaint, type FieldResult, type Findings, type Found } from './found.ts';
import { compileJsonPath } from './json-path.ts';
import { compileLabel, type LabelTests } from './label.ts';
import { compileRegex } from './regex.ts';
import { compileTable, objectRows } from './table-field.ts';

type SimpleField = Exclude<WorkflowField, { type: 'table' }>;
type ListField = Extract<WorkflowField, { type: 'list' }>;
type TableField = Extract<WorkflowField, { type: 'table' }>;
/** One rule that finds a value; a field with a single rule is its own source. */
export type Source<Field extends WorkflowField = WorkflowField> = Field | NonNullable<Field['from']>[number];

export type ReadSource = (findings: Findings) => FieldResult | Promise<FieldResult>;

/** What of all fields one source needs to know. */
export interface SourceOptions {
  readonly name: string;
  readonly tests: LabelTests;
  /** Whether a value is as the field's checks want it; of several the first that fits is taken. */
  readonly fits: (value: unknown) => boolean;
}

/** Prepares one source of a field: the rule that finds, then the conversion into the field's type. */
export function compileSource(field: WorkflowField, source: Source, options: SourceOptions): ReadSource {
  const { name } = options;
  if (field.type === 'table') return compileTableSource(source as Source<TableField>, options);
  const simple = source as Source<SimpleField>;
  const toValue =
    field.type === 'list'
      ? toList(name, field, simple.label !== undefined)
      : toScalar(options, { ...field, type: field.type });
  const convertAll = (found: Found) => toValue(found.filter(isPresent));
  if (simple.compute !== undefined) return computed(name, simple.compute, (value) => convertAll([value]));
  const find = compileRule(field, simple, options.tests);
  return ({ scene }) => convertAll(find(scene.document));
}

function compileTableSource(source: Source<TableField>, { name, tests }: SourceOptions): ReadSource {
  if (source.compute !== undefined)
    return computed(name, source.compute, (value) => objectRows(name, [value]));
  const read = compileTable(name, source, tests);
  return ({ scene }) => read(scene.document);
}

function computed(name: string, text: string, toResult: (value: unknown) => FieldResult): ReadSource {
  const evaluate = compileExpression(text);
  return async (findings) => {
    try {
      const value = await evaluate(findings);
      return value === undefined || value === null ? { complaints: [] } : toResult(value);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      return {
        complaints: [
          { field: name, reason: 'expression', message: `${name}: its expression ${error.message}.` },
        ],
      };
    }
  };
}

function isPresent(found: unknown): boolean {
  return found !== undefined && found !== null && !(typeof found === 'string' && found.trim() === '');
}

function compileRule(field: SimpleField, source: Source<SimpleField>, tests: LabelTests) {
  const { label, regex, json_path, column, value, position } = source;
  if (label !== undefined) return compileLabel({ label, position }, tests);
  if (regex !== undefined) {
    const matches = compileRegex(regex);
    return (document: Findings['scene']['document']): Found => matches(document, field.type === 'list');
  }
  if (json_path !== undefined) return compileJsonPath(json_path);
  if (column === undefined) return (): Found => [value].flat();
  const columns = compileColumns([column], tests.isLabel);
  return (document: Findings['scene']['document']): Found => columns(document)?.rows.flat() ?? [];
}

/** The first find that converts and fits, else the first that converts; the complaint about the very first when none does. */
function toScalar({ name, fits }: SourceOptions, spelling: ValueSpelling) {
  return (found: Found): FieldResult => {
    let complaint: string | undefined;
    let second: FieldResult | undefined;
    for (const candidate of found) {
      const converted = convert(candidate, spelling);
      if ('complaint' in converted) complaint ??= converted.complaint;
      else if (fits(converted.value)) return { value: converted.value, complaints: [] };
      else second ??= { value: converted.value, complaints: [] };
    }
    if (second !== undefined) return second;
    return { complaints: complaint === undefined ? [] : [conversionComplaint(name, complaint)] };
  };
}

function toList(name: string, field: ListField, isText: boolean) {
  const spelling: ValueSpelling = { ...field, type: field.items ?? 'string' };
  return (found: Found): FieldResult => {
    const items = isText ? splitItems(found[0], field.separator) : found.flatMap(spreadList);
    const converted = items.filter(isPresent).map((item) => convert(item, spelling));
    const complaints = converted.flatMap((item, index) =>
      'complaint' in item ? [conversionComplaint(name, `item ${index + 1}: ${item.complaint}`)] : [],
    );
    const values = converted.flatMap((item) => ('value' in item ? [item.value] : []));
    return values.length === 0 ? { complaints } : { value: values, complaints };
  };
}

/** A path may lead to a list as well as to its items. */
function spreadList(found: unknown): readonly unknown[] {
  return Array.isArray(found) ? found : [found];
}

function splitItems(found: unknown, separator: string | undefined): string[] {
  return typeof found === 'string' ? found.split(separator ?? /[,;]/u) : [];
}
