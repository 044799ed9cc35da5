import { z } from 'zod';
import { closed, oneOrList } from './closed.ts';
import { checkExpressionSchema } from './expression.ts';
import { patternSchema } from './pattern.ts';
import * as source from './source.ts';

const BOUND = 'must be a number, or a date such as 2026-03-01';
const bound = z.union([z.number(), z.iso.date({ error: BOUND })], { error: BOUND });

const checkSchema = closed('a check', {
  pattern: patternSchema.optional(),
  min: bound.optional(),
  max: bound.optional(),
  one_of: z
    .array(z.union([z.string(), z.number(), z.boolean()]))
    .min(1)
    .max(1000)
    .optional(),
  expression: checkExpressionSchema.optional(),
  message: z.string().trim().min(1).max(500).optional(),
  outcome: z.enum(['fail', 'problem']).optional(),
}).refine(
  (check) => Object.keys(check).some((key) => key !== 'message' && key !== 'outcome'),
  'a check needs pattern, min, max, one_of or expression',
);

/** What must hold of a value. `outcome` says what becomes of a file in which it does not; default `fail`. */
export type WorkflowCheck = z.infer<typeof checkSchema>;

const common = {
  required: z.boolean().optional(),
  description: z.string().max(500).optional(),
  ...source.when,
  validate: oneOrList<WorkflowCheck>(checkSchema, 20).optional(),
};

const single = { ...common, ...source.rules, ...source.position, ...source.scalarSources };

const kinds = {
  string: closed('a string field', { type: z.literal('string'), ...single }),
  number: closed('a number field', { type: z.literal('number'), ...single, ...source.decimalMark }),
  date: closed('a date field', { type: z.literal('date'), ...single, ...source.dateFormat }),
  boolean: closed('a boolean field', { type: z.literal('boolean'), ...single }),
  list: closed('a list field', {
    type: z.literal('list'),
    items: source.itemTypes.optional(),
    separator: z.string().min(1).max(10).optional(),
    ...common,
    ...source.listRules,
    ...source.position,
    ...source.listSources,
    ...source.dateFormat,
    ...source.decimalMark,
  }),
  table: closed('a table field', {
    type: z.literal('table'),
    ...common,
    ...source.tableRules,
    ...source.tableSources,
  }),
};

const fieldKinds = z.discriminatedUnion(
  'type',
  [kinds.string, kinds.number, kinds.date, kinds.boolean, kinds.list, kinds.table],
  { error: 'type must be one of string, number, date, boolean, list, table' },
);

/** One value to find: its type, and one rule or several sources that find it. */
export const fieldSchema = fieldKinds.superRefine((field, context) => {
  source.exactlyOneRule(`a ${field.type} field`, kinds[field.type].shape)(field, context);
  constantsOfType(field, context);
  linesOfTexts(field, context);
  for (const [index, { min, max }] of checksOf(field).entries()) {
    const path = ['validate', ...(Array.isArray(field.validate) ? [index] : [])];
    for (const [key, bound] of Object.entries({ min, max })) {
      const complaint = bound === undefined ? undefined : boundComplaint(field, bound);
      if (complaint !== undefined)
        context.addIssue({ code: 'custom', path: [...path, key], message: complaint });
    }
  }
});

type Field = z.infer<typeof fieldKinds>;

/** The sources of a field in their order; a field with a single rule is its own source. */
export function sourcesOf<F extends Field>(field: F): readonly (F | NonNullable<F['from']>[number])[] {
  return field.from ?? [field];
}

/** The checks of a field; none, one or several may stand in it. */
export function checksOf({ validate }: Pick<Field, 'validate'>): readonly WorkflowCheck[] {
  if (validate === undefined) return [];
  return Array.isArray(validate) ? validate : [validate];
}

/** A constant that cannot be of the field's type is told now. A text with a placeholder is known only later. */
function constantsOfType(field: Field, context: z.RefinementCtx): void {
  if (field.type === 'table') return;
  const wanted = field.type === 'list' ? (field.items ?? 'string') : field.type;
  for (const [index, { value }] of sourcesOf(field).entries()) {
    const wrong = [value ?? []].flat().find((item) => !isOfType(item, wanted));
    if (wrong === undefined) continue;
    const path = field.from === undefined ? ['value'] : ['from', index, 'value'];
    context.addIssue({
      code: 'custom',
      path,
      message: `${JSON.stringify(wrong)} is no ${wanted}${example(wanted)}`,
    });
  }
}

/** Only a text, or each item of a list, can have a line of its own. */
function linesOfTexts(field: Field, context: z.RefinementCtx): void {
  if (field.type === 'table' || field.type === 'list' || field.type === 'string') return;
  for (const [index, { lines }] of sourcesOf(field).entries()) {
    if (lines !== 'many') continue;
    const path = field.from === undefined ? ['lines'] : ['from', index, 'lines'];
    context.addIssue({
      code: 'custom',
      path,
      message: `a ${field.type} has one line; many are for a string or a list`,
    });
  }
}

function isOfType(value: string | number | boolean, type: string): boolean {
  if (type === 'string' || (typeof value === 'string' && value.includes('{{'))) return true;
  if (type === 'date') return z.iso.date().safeParse(value).success;
  return typeof value === type;
}

function example(type: string): string {
  return type === 'date' ? ': write it as "2026-03-01"' : '';
}

function boundComplaint(field: Field, bound: string | number): string | undefined {
  const type = field.type === 'list' ? field.items : field.type;
  if (type !== 'number' && type !== 'date') return 'min and max are for numbers and dates';
  return isOfType(bound, type) ? undefined : `must be a ${type}${example(type)}`;
}

export type WorkflowField = Field;
