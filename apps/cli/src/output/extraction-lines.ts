import type { FieldExplanation, OtherCandidate } from '@longshore/documents';
import type { Extracted } from '../extract/messages.ts';
import { oneLine, table } from './table.ts';

const MOST_ROWS = 10;

/** What was found in a file, field by field: value, text, place and score, then what else there was and what is missing. */
export function extractionLines(name: string, extracted: Extracted, columns?: number): string[] {
  const { kind, pages, warnings, explanation } = extracted;
  const head = `${oneLine(name)} (${kind}, ${pages} ${pages === 1 ? 'page' : 'pages'})`;
  if (explanation === undefined) return [head];
  const { fields, problems } = explanation;
  const entries = Object.entries(fields);
  const told = new Set(entries.flatMap(([field, { value }]) => (value === undefined ? [field] : [])));
  const others = entries.flatMap(([field, one]) => otherLines(field, one));
  const tables = entries.flatMap(([field, { value }]) => rowLines(field, value));
  const missing = entries.flatMap(([field, one]) => missingLine(field, one));
  const wrong = problems
    .filter(({ field }) => !told.has(field))
    .map(({ message, outcome }) => `  ${outcome === 'fail' ? '✗' : '!'} ${oneLine(message)}`);
  return [
    head,
    '',
    ...table(
      ['FIELD', 'VALUE', 'FOUND', 'WHERE', 'SCORE'],
      entries.map(([field, one]) => fieldRow(field, one)),
      { columns },
    ),
    ...tables,
    ...section('Not found:', missing),
    ...section('Wrong:', wrong),
    ...section('Also found:', others),
    ...section(
      'Warnings:',
      warnings.map((warning) => `  ${oneLine(warning)}`),
    ),
  ];
}

function section(heading: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', heading, ...lines];
}

function fieldRow(field: string, { value, evidence, where = '' }: FieldExplanation): string[] {
  const { text, label, score, items, rule } = evidence ?? {};
  const original = text ?? items?.map((item) => item.text).join(', ') ?? '';
  const found = label === undefined ? original : `${label}: ${original}`;
  const how = rule === 'value' || rule === 'compute' ? `(${rule})` : found;
  return [field, shown(value), how, where, score?.toFixed(2) ?? ''];
}

function shown(value: unknown): string {
  if (value === undefined) return '-';
  if (!Array.isArray(value)) return typeof value === 'object' ? JSON.stringify(value) : String(value);
  const isFlat = value.every((item) => typeof item !== 'object');
  return isFlat ? value.map(String).join(', ') : `${value.length} ${value.length === 1 ? 'row' : 'rows'}`;
}

/** The rows of a table, the first of many. */
function rowLines(field: string, value: unknown): string[] {
  if (!Array.isArray(value) || value.length === 0 || value.some((row) => typeof row !== 'object')) return [];
  const rows = value as readonly Readonly<Record<string, unknown>>[];
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = rows.slice(0, MOST_ROWS).map((row) => names.map((name) => shown(row[name])));
  const more = rows.length > MOST_ROWS ? [`  … ${rows.length - MOST_ROWS} more`] : [];
  return ['', `${field}:`, ...table(names, cells).map((line) => `  ${line}`), ...more];
}

function missingLine(field: string, { value, required, why = '' }: FieldExplanation): string[] {
  return value === undefined ? [`  ${required ? '✗' : '-'} ${field}: ${oneLine(why)}`] : [];
}

function otherLines(field: string, { value, others }: FieldExplanation): string[] {
  return value === undefined ? [] : others.map((other) => `  ${field}: ${otherInWords(other)}`);
}

function otherInWords({ text, label, score, complaint, where }: OtherCandidate): string {
  const at = label === undefined ? undefined : `at "${oneLine(label)}"`;
  const told = [at, where, score === undefined ? undefined : `score ${score.toFixed(2)}`];
  const because = complaint === undefined ? '' : `; not taken: ${oneLine(complaint)}`;
  return `"${oneLine(text)}" (${told.filter((part) => part !== undefined).join(', ')})${because}`;
}
