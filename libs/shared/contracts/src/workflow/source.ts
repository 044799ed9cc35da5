import { z } from 'zod';
import { closed, nameSchema } from './closed.ts';
import { expressionSchema } from './expression.ts';
import { templatePatternSchema } from './pattern.ts';
import { templateComplaint } from './template.ts';

function templated(text: z.ZodString) {
  return text.superRefine((value, context) => {
    const complaint = templateComplaint(value);
    if (complaint !== undefined) context.addIssue(complaint);
  });
}

const words = templated(z.string().trim().min(1).max(200));

const oneOrSeveral = z.union([words, z.array(words).min(1).max(20)], {
  error: (issue) =>
    placeholderIssue(issue) ?? 'must be a text or a list of 1 to 20 texts, each of 1 to 200 characters',
});

/** A wrong placeholder is the more useful thing to hear about. */
function placeholderIssue(issue: { readonly errors?: unknown }): string | undefined {
  const branches = (issue.errors ?? []) as readonly (readonly { message: string; code?: string }[])[];
  return branches.flat().find(({ code }) => code === 'custom')?.message;
}

const jsonPathSchema = z
  .string()
  .max(500)
  .regex(/^\$/u, 'a JSON path starts with "$", the whole document, for example $.invoice.number');

export const position = {
  position: z.enum(['beside', 'below']).optional(),
  /** Whether a value goes on in the lines below its first. */
  lines: z.enum(['one', 'many']).optional(),
};
export const dateFormat = { format: z.enum(['day/month/year', 'month/day/year']).optional() };
export const decimalMark = { decimal: z.enum(['.', ',']).optional() };
export const itemTypes = z.enum(['string', 'number', 'date', 'boolean']);

const columnSchema = z.union(
  [
    oneOrSeveral,
    closed('a column', {
      heading: oneOrSeveral,
      type: itemTypes.optional(),
      required: z.boolean().optional(),
      ...dateFormat,
      ...decimalMark,
    }),
  ],
  {
    error: (issue) => {
      const [wrong] = issue.code === 'invalid_union' ? (issue.errors.at(-1) ?? []) : [];
      return wrong?.path.length === 0 && wrong.code !== 'unrecognized_keys'
        ? 'a column is a heading, a list of headings, or heading with type, required, format, decimal'
        : [wrong?.path.join('.'), wrong?.message].filter(Boolean).join(': ');
    },
  },
);

const blockPartSchema = z.union(
  [
    oneOrSeveral,
    closed('a label of a block', {
      label: oneOrSeveral,
      type: itemTypes.optional(),
      required: z.boolean().optional(),
      ...dateFormat,
      ...decimalMark,
    }),
  ],
  { error: 'a part of a block is a label, a list of labels, or label with type, required, format, decimal' },
);

const scalar = z.union([templated(z.string().min(1).max(2000)), z.number(), z.boolean()], {
  error: (issue) => placeholderIssue(issue) ?? 'must be a text, a number, true or false',
});

/** Where a value is found. Exactly one of these keys stands in a source. */
export const rules = {
  label: oneOrSeveral.optional(),
  regex: templatePatternSchema.optional(),
  json_path: jsonPathSchema.optional(),
  column: oneOrSeveral.optional(),
  value: scalar.optional(),
  compute: expressionSchema.optional(),
};

/** The same for a list, whose constant is a list. */
export const listRules = { ...rules, value: z.array(scalar).max(1000).optional() };

/** The same for a table. */
export const tableRules = {
  columns: z.record(nameSchema, columnSchema).optional(),
  blocks: z.record(nameSchema, blockPartSchema).optional(),
  json_path: jsonPathSchema.optional(),
  compute: expressionSchema.optional(),
};

export const when = { when: expressionSchema.optional() };

const RULE_KEYS = [
  'label',
  'regex',
  'json_path',
  'column',
  'value',
  'compute',
  'columns',
  'blocks',
  'from',
] as const;

/** Holds a source, or a field that is its own source, to exactly one rule. */
export function exactlyOneRule(what: string, known: object) {
  const allowed = RULE_KEYS.filter((key) => key in known);
  const list = `${allowed.slice(0, -1).join(', ')} or ${allowed.at(-1)}`;
  return (source: object, context: z.RefinementCtx): void => {
    const used = RULE_KEYS.filter((key) => key in source);
    if (used.length !== 1) {
      const found = used.length === 0 ? 'it has none' : `it has ${used.join(' and ')}`;
      context.addIssue(`${what} is found by exactly one of ${list}; ${found}`);
    }
    if ('position' in source && !('label' in source)) {
      context.addIssue('position says where the value stands from its label, so it needs a label');
    }
    if ('lines' in source && !('label' in source)) {
      context.addIssue('lines says how far a value goes on from its label, so it needs a label');
    }
  };
}

function sourceOf<Rules extends z.ZodRawShape>(sourceRules: Rules) {
  return closed('a source', { ...sourceRules, ...when }).superRefine(exactlyOneRule('a value', sourceRules));
}

/** Several places to look at, the preferred one first. */
function sources<Source extends z.ZodType>(source: Source) {
  return { from: z.array(source).min(1).max(20).optional() };
}

export const scalarSources = sources(sourceOf({ ...rules, ...position }));
export const listSources = sources(sourceOf({ ...listRules, ...position }));
export const tableSources = sources(sourceOf(tableRules));

export type WorkflowColumn = z.infer<typeof columnSchema>;
export type WorkflowBlockPart = z.infer<typeof blockPartSchema>;
