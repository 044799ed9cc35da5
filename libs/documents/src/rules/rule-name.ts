import type { Source } from './source.ts';

const RULES = ['json_path', 'compute', 'columns', 'blocks', 'label', 'column', 'regex', 'value'] as const;

/** The kinds of rules that find a value, by their keys in a workflow. */
export type RuleName = (typeof RULES)[number];

/** The one rule of a source. */
export function ruleOf(source: Source): RuleName {
  const keys = source as Readonly<Record<string, unknown>>;
  return RULES.find((rule) => keys[rule] !== undefined) ?? 'value';
}

/** The rule of a source as a sentence names it. */
export function describeRule(source: Source): string {
  const { label, column } = source as { label?: string | string[]; column?: string | string[] };
  const rule = ruleOf(source);
  if (rule === 'json_path') return `path ${(source as { json_path?: string }).json_path}`;
  if (rule === 'label') return `label ${quotedList(label ?? [])}`;
  if (rule === 'column') return `column ${quotedList(column ?? [])}`;
  return WORDS[rule];
}

const WORDS = {
  compute: 'expression',
  columns: 'columns',
  blocks: 'blocks',
  regex: 'pattern',
  value: 'constant',
} as const;

/** Texts in quotes, with "or" between them. */
export function quotedList(texts: string | readonly string[]): string {
  return [texts]
    .flat()
    .map((text) => `"${text}"`)
    .join(' or ');
}
