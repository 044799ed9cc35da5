import type { WorkflowField } from '@longshore/contracts';
import { type Converted, convert, type ValueSpelling } from '../values/convert.ts';
import type { LocaleHabits } from '../values/locale-habits.ts';
import { compileColumns } from './column.ts';
import { compileExpression, ExpressionError } from './expression.ts';
import { conversionComplaint, type FieldResult, type Find, type Findings, type Found } from './found.ts';
import { compileJsonPath } from './json-path.ts';
import { compileLabel } from './label.ts';
import type { LabelTests } from './label-tests.ts';
import { withoutRemark } from './qualifier.ts';
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
  /** How people write where the workflow says its documents come from. */
  readonly habits?: LocaleHabits | undefined;
}

/** Prepares one source of a field: the rule that finds, then the conversion into the field's type. */
export function compileSource(field: WorkflowField, source: Source, options: SourceOptions): ReadSource {
  if (field.type === 'table') return compileTableSource(source as Source<TableField>, options);
  const simple = source as Source<SimpleField>;
  const toValue =
    field.type === 'list'
      ? toList(options, field, simple)
      : toScalar(options, { ...field, type: field.type, habits: options.habits });
  const convertAll = (found: Found): FieldResult => {
    const present = found.filter(({ value }) => isPresent(value));
    return { ...toValue(present), found: present };
  };
  if (simple.compute !== undefined)
    return computed(options.name, simple.compute, (value) => convertAll([{ value }]));
  const find = compileRule(field, simple, options.tests);
  return ({ scene }) => convertAll(find(scene.document));
}

function compileTableSource(source: Source<TableField>, options: SourceOptions): ReadSource {
  if (source.compute !== undefined)
    return computed(options.name, source.compute, (value) => objectRows(options.name, [value]));
  const read = compileTable(source, options);
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
  const { label, regex, json_path, column, value, position, lines } = source;
  if (label !== undefined) return compileLabel({ label, position, lines }, tests);
  if (regex !== undefined) {
    const matches = compileRegex(regex);
    return (document: Findings['scene']['document']): Found => matches(document, field.type === 'list');
  }
  if (json_path !== undefined) return compileJsonPath(json_path);
  if (column === undefined) return (): Found => [value].flat().map((one) => ({ value: one }));
  const columns = compileColumns([column], tests.isLabel);
  return (document: Findings['scene']['document']): Found =>
    (columns(document)?.rows ?? []).flatMap(({ cells, place }) =>
      cells.map((cell) => ({ value: cell, place })),
    );
}

/** A find as a value of the type; behind a label a remark at its end may be left out. */
export function convertFind({ value, label }: Find, spelling: ValueSpelling): Converted {
  const converted = convert(value, spelling);
  if ('value' in converted || label === undefined || typeof value !== 'string') return converted;
  const bare = spelling.type === 'string' ? undefined : withoutRemark(value);
  const second = bare === undefined ? converted : convert(bare, spelling);
  return 'value' in second ? second : converted;
}

/** The first find that converts and fits, else the first that converts; the complaint about the very first when none does. */
function toScalar({ name, fits }: SourceOptions, spelling: ValueSpelling) {
  return (found: Found): FieldResult => {
    let complaint: string | undefined;
    let second: FieldResult | undefined;
    for (const find of found) {
      const converted = convertFind(find, spelling);
      if ('complaint' in converted) complaint ??= converted.complaint;
      else if (fits(converted.value)) return { value: converted.value, complaints: [], used: [find] };
      else second ??= { value: converted.value, complaints: [], used: [find] };
    }
    if (second !== undefined) return second;
    return { complaints: complaint === undefined ? [] : [conversionComplaint(name, complaint)] };
  };
}

function toList({ name, habits }: SourceOptions, field: ListField, { label, lines }: Source<SimpleField>) {
  const spelling: ValueSpelling = { ...field, type: field.items ?? 'string', habits };
  return (found: Found): FieldResult => {
    const separator = field.separator ?? (lines === 'many' ? '\n' : /[,;]/u);
    const items = label === undefined ? found.flatMap(spreadList) : splitItems(found[0], separator);
    const present = items.filter(({ value }) => isPresent(value));
    const converted = present.map(({ value }) => convert(value, spelling));
    const complaints = converted.flatMap((item, index) =>
      'complaint' in item ? [conversionComplaint(name, `item ${index + 1}: ${item.complaint}`)] : [],
    );
    const values = converted.flatMap((item) => ('value' in item ? [item.value] : []));
    if (values.length === 0) return { complaints };
    return {
      value: values,
      complaints,
      used: present.filter((_item, index) => 'value' in converted[index]!),
    };
  };
}

/** A path may lead to a list as well as to its items. */
function spreadList(find: Find): Find[] {
  return Array.isArray(find.value) ? find.value.map((value: unknown) => ({ ...find, value })) : [find];
}

function splitItems(find: Find | undefined, separator: string | RegExp): readonly Find[] {
  if (typeof find?.value !== 'string') return [];
  if (separator === '\n' && find.lines !== undefined) return find.lines;
  return find.value.split(separator).map((value) => ({ ...find, value }));
}
