import {
  sourcesOf,
  templatePieces,
  type WorkflowBlockPart,
  type WorkflowColumn,
  type WorkflowField,
} from '@longshore/contracts';
import { fillConstant, fillPattern, fillText } from './template.ts';
import type { Wording } from './wording.ts';

type Fields = Readonly<Record<string, WorkflowField>>;
type Source = ReturnType<typeof sourcesOf<WorkflowField>>[number];

/** The keys of every placeholder in a set of fields. */
export function placeholdersIn(value: unknown): (readonly string[])[] {
  if (typeof value === 'string') {
    return templatePieces(value).flatMap((piece) => (typeof piece === 'string' ? [] : [piece.keys]));
  }
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(placeholdersIn) : [];
}

/** Fields with what the request said in place of their placeholders. A source that needs what it did not say is left out. */
export function fillFields(fields: Fields, customData: unknown): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [name, fillField(field, customData)]),
  );
}

function fillField<Field extends WorkflowField>(field: Field, customData: unknown): Field {
  const filled = sourcesOf(field).flatMap((source) => fillSource(source, customData) ?? []);
  if (field.from !== undefined) return { ...field, from: filled };
  return (filled[0] as Field | undefined) ?? { ...withoutRules(field), from: [] };
}

/** A field whose only rule cannot be used has no source at all. */
function withoutRules<Field extends WorkflowField>(field: Field): Field {
  const {
    label: _l,
    regex: _r,
    column: _c,
    columns: _cs,
    blocks: _b,
    value: _v,
    ...rest
  } = field as Record<string, unknown>;
  return rest as Field;
}

function fillSource(source: Source, customData: unknown): Source | undefined {
  const filled: Record<string, unknown> = { ...source };
  const text = (words: Wording | undefined) => words && fillWording(words, customData);
  if ('label' in source) filled['label'] = text(source.label);
  if ('column' in source) filled['column'] = text(source.column);
  if ('regex' in source && source.regex !== undefined)
    filled['regex'] = fillPattern(source.regex, customData);
  if ('value' in source && source.value !== undefined) filled['value'] = constants(source.value, customData);
  if ('columns' in source && source.columns !== undefined) {
    filled['columns'] = fillColumns(source.columns, customData);
  }
  if ('blocks' in source && source.blocks !== undefined) {
    filled['blocks'] = fillBlocks(source.blocks, customData);
  }
  const unusable = Object.entries(filled).some(([key, value]) => value === undefined && key in source);
  return unusable ? undefined : (filled as Source);
}

function constants(
  value: string | number | boolean | readonly (string | number | boolean)[],
  customData: unknown,
) {
  if (!Array.isArray(value)) return fillConstant(value as string | number | boolean, customData);
  return (value as readonly string[]).flatMap((item) => fillConstant(item, customData) ?? []);
}

function fillWording(words: Wording, customData: unknown): Wording | undefined {
  if (typeof words === 'string') return fillText(words, customData);
  const filled = words.flatMap((word) => fillText(word, customData) ?? []);
  return filled.length === 0 ? undefined : filled;
}

/** Columns whose heading nobody named are not looked for. */
function fillColumns(columns: Readonly<Record<string, WorkflowColumn>>, customData: unknown) {
  const filled = Object.entries(columns).flatMap(([name, column]): [string, WorkflowColumn][] => {
    const plain = typeof column === 'string' || Array.isArray(column);
    const heading = fillWording(plain ? column : column.heading, customData) as string | string[] | undefined;
    if (heading === undefined) return [];
    return [[name, plain ? heading : { ...column, heading }]];
  });
  return filled.length === 0 ? undefined : Object.fromEntries(filled);
}

/** The same for labels; a block whose first label nobody named cannot be told apart. */
function fillBlocks(blocks: Readonly<Record<string, WorkflowBlockPart>>, customData: unknown) {
  const filled = Object.entries(blocks).map(([name, part]) => {
    const plain = typeof part === 'string' || Array.isArray(part);
    const label = fillWording(plain ? part : part.label, customData);
    return [name, label && (plain ? label : { ...part, label })] as const;
  });
  if (filled[0]?.[1] === undefined) return undefined;
  return Object.fromEntries(filled.filter(([, part]) => part !== undefined));
}
