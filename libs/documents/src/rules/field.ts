import type { WorkflowField } from '@longshore/contracts';
import type { ReadDocument } from '../document.ts';
import { cleanJson } from '../values/clean.ts';
import { convert, type ValueSpelling } from '../values/convert.ts';
import { compileColumns } from './column.ts';
import { conversionProblem, type FieldResult, type Found } from './found.ts';
import { compileJsonPath } from './json-path.ts';
import { compileLabel, type LabelTests } from './label.ts';
import { compileRegex } from './regex.ts';
import { compileTable } from './table-field.ts';

type ReadField = (document: ReadDocument) => FieldResult;
type SimpleField = Exclude<WorkflowField, { type: 'table' }>;
type ListField = Extract<WorkflowField, { type: 'list' }>;

/** Prepares one field: the rule that finds, then the conversion into its type. */
export function compileField(name: string, field: WorkflowField, tests: LabelTests): ReadField {
  if (field.type === 'table') return orMissing(name, field, compileTable(name, field, tests));
  const find = compileRule(field, tests);
  const convertAll =
    field.type === 'list' ? toList(name, field) : toScalar(name, { ...field, type: field.type });
  return orMissing(name, field, (document) => convertAll(find(document).filter(isPresent)));
}

function isPresent(found: unknown): boolean {
  return found !== undefined && found !== null && !(typeof found === 'string' && found.trim() === '');
}

function compileRule(field: SimpleField, tests: LabelTests): (document: ReadDocument) => Found {
  if (field.label !== undefined) return compileLabel({ label: field.label, position: field.position }, tests);
  if (field.regex !== undefined) {
    const matches = compileRegex(field.regex);
    return (document) => matches(document, field.type === 'list');
  }
  if (field.json_path !== undefined) return compileJsonPath(field.json_path);
  const columns = compileColumns([field.column ?? []], tests.isLabel);
  return (document) => columns(document)?.rows.flat() ?? [];
}

/** The first find that converts; the complaint about the very first when none does. */
function toScalar(name: string, spelling: ValueSpelling) {
  return (found: Found): FieldResult => {
    let complaint: string | undefined;
    for (const candidate of found) {
      const converted = convert(candidate, spelling);
      if ('value' in converted) return { value: converted.value, problems: [] };
      complaint ??= converted.complaint;
    }
    return { problems: complaint === undefined ? [] : [conversionProblem(name, complaint)] };
  };
}

function toList(name: string, field: ListField) {
  const spelling: ValueSpelling = { ...field, type: field.items ?? 'string' };
  return (found: Found): FieldResult => {
    const items =
      field.label === undefined ? found.flatMap(spreadList) : splitItems(found[0], field.separator);
    const converted = items.filter(isPresent).map((item) => convert(item, spelling));
    const problems = converted.flatMap((item, index) =>
      'complaint' in item ? [conversionProblem(name, `item ${index + 1}: ${item.complaint}`)] : [],
    );
    const values = converted.flatMap((item) => ('value' in item ? [item.value] : []));
    return values.length === 0 ? { problems } : { value: values, problems };
  };
}

/** A path may lead to a list as well as to its items. */
function spreadList(found: unknown): readonly unknown[] {
  return Array.isArray(found) ? found : [found];
}

function splitItems(found: unknown, separator: string | undefined): string[] {
  return typeof found === 'string' ? found.split(separator ?? /[,;]/u) : [];
}

/** Turns a required field without a value and without another complaint into a problem. */
function orMissing(name: string, field: WorkflowField, read: ReadField): ReadField {
  const message = `${name} is required, but was not found by its ${ruleName(field)}.`;
  return (document) => {
    const result = read(document);
    if (result.value !== undefined) return cleaned(name, result);
    const missing = field.required === true && result.problems.length === 0;
    return missing ? { problems: [{ field: name, reason: 'missing', message }] } : result;
  };
}

function cleaned(name: string, result: FieldResult): FieldResult {
  try {
    return { ...result, value: cleanJson(result.value) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { problems: [...result.problems, conversionProblem(name, error.message)] };
  }
}

function ruleName(field: WorkflowField): string {
  if (field.json_path !== undefined) return `path ${field.json_path}`;
  if (field.type === 'table') return 'columns';
  if (field.label !== undefined) return `label ${quotedList(field.label)}`;
  return field.regex === undefined ? `column ${quotedList(field.column ?? [])}` : 'pattern';
}

function quotedList(texts: string | readonly string[]): string {
  return [texts]
    .flat()
    .map((text) => `"${text}"`)
    .join(' or ');
}
