import { z } from 'zod';

const NAME = /^[a-zA-Z][a-zA-Z0-9_-]*$/;
const NAME_RULE =
  'a name starts with a letter, goes on with letters, digits, "_" or "-", and has at most 64 characters';

const nameSchema = z.string().regex(NAME, NAME_RULE).max(64, NAME_RULE);

/** A strict object whose complaint about a key names that key and the ones it knows. */
function closed<Shape extends z.ZodRawShape>(what: string, shape: Shape) {
  const known = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return undefined;
      const keys = issue.keys.map((key) => `"${key}"`).join(', ');
      return `${what} has no key ${keys}; it knows: ${known}`;
    },
  });
}

/** Nested counts multiply; the linear-time engine stops at this product. */
const MAX_REPEAT = 1000;
const GENERAL_CATEGORY = /^\^?(?:C[cfnos]?|L[lmotu]?|M[cen]?|N[dlo]?|P[cdefios]?|S[ckmo]?|Z[lps]?)$/;
const TOKEN =
  /\\[pP]\{([^}]*)\}|\\[0-9kc]|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?(?:<?[=!])|\(|\)|\{(\d+)(?:,(\d*))?\}|[^]/gu;

/**
 * Says why a pattern cannot be used, or undefined when it can.
 *
 * Patterns run on an engine whose time grows linearly with the text, so what such an engine cannot promise
 * (looking around, referring back) is refused here, when the workflow is written, not when a file arrives.
 * What passes is understood alike by JavaScript and by RE2; a leading `(?i)` ignores case.
 */
function patternComplaint(pattern: string): string | undefined {
  try {
    new RegExp(pattern.replace(/^\(\?[ims]+\)/u, ''), 'u');
  } catch (error) {
    return `is not a regular expression: ${(error as Error).message}`;
  }
  const tokens = [...pattern.matchAll(TOKEN)];
  for (const [token, property] of tokens) {
    const complaint = tokenComplaint(token, property);
    if (complaint !== undefined) return complaint;
  }
  return repeatComplaint(tokens.map(([token, , least, most]) => ({ token, least, most })));
}

function tokenComplaint(token: string, property: string | undefined): string | undefined {
  if (token.startsWith('(?')) return `uses "${token}" (looking around), which has no bounded time`;
  if (/^\\[1-9k]/u.test(token)) return `refers back with "${token}", which has no bounded time`;
  if (/^\\[0c]/u.test(token)) return `uses "${token}"; write \\x00 instead`;
  if (property !== undefined && !GENERAL_CATEGORY.test(property)) {
    return `uses the property "${property}"; only general categories such as \\p{L} or \\p{Lu} are known`;
  }
  if (/^\[.*\\(?:b|c|k|[pP]\{[^}]{3})/u.test(token)) return `uses "${token}", a class that is not understood`;
  return undefined;
}

interface RepeatToken {
  readonly token: string;
  readonly least: string | undefined;
  readonly most: string | undefined;
}

/** Keeps, per open group, the largest product of counts inside it. */
function repeatComplaint(tokens: readonly RepeatToken[]): string | undefined {
  const open = [1];
  let atom = 1;
  for (const { token, least, most } of tokens) {
    if (least !== undefined) atom *= Math.max(1, Number(least), Number(most ?? 0));
    else if (token === '(') {
      open.push(1);
      atom = 1;
      continue;
    } else atom = token === ')' ? (open.pop() ?? 1) : 1;
    if (atom > MAX_REPEAT) return `repeats more than ${MAX_REPEAT} times`;
    if (open.length === 0) open.push(1);
    open[open.length - 1] = Math.max(open.at(-1) ?? 1, atom);
  }
  return undefined;
}

const patternSchema = z
  .string()
  .min(1)
  .max(2000)
  .superRefine((pattern, context) => {
    const complaint = patternComplaint(pattern);
    if (complaint !== undefined) context.addIssue(`the pattern ${complaint}`);
  });

const oneOrSeveral = z.union(
  [z.string().trim().min(1).max(200), z.array(z.string().trim().min(1).max(200)).min(1).max(20)],
  { error: 'must be a text or a list of 1 to 20 texts, each of 1 to 200 characters' },
);

const jsonPathSchema = z
  .string()
  .max(500)
  .regex(/^\$/u, 'a JSON path starts with "$", the whole document, for example $.invoice.number');

/** Where a value is found. Exactly one of these keys stands in a field. */
const rules = {
  label: oneOrSeveral.optional(),
  regex: patternSchema.optional(),
  json_path: jsonPathSchema.optional(),
  column: oneOrSeveral.optional(),
};

const common = { required: z.boolean().optional(), description: z.string().max(500).optional() };
const position = { position: z.enum(['beside', 'below']).optional() };
const dateFormat = { format: z.enum(['day/month/year', 'month/day/year']).optional() };
const decimalMark = { decimal: z.enum(['.', ',']).optional() };
const itemTypes = z.enum(['string', 'number', 'date', 'boolean']);

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

const fieldKinds = z.discriminatedUnion(
  'type',
  [
    closed('a string field', { type: z.literal('string'), ...common, ...rules, ...position }),
    closed('a number field', { type: z.literal('number'), ...common, ...rules, ...position, ...decimalMark }),
    closed('a date field', { type: z.literal('date'), ...common, ...rules, ...position, ...dateFormat }),
    closed('a boolean field', { type: z.literal('boolean'), ...common, ...rules, ...position }),
    closed('a list field', {
      type: z.literal('list'),
      items: itemTypes.optional(),
      separator: z.string().min(1).max(10).optional(),
      ...common,
      ...rules,
      ...position,
      ...dateFormat,
      ...decimalMark,
    }),
    closed('a table field', {
      type: z.literal('table'),
      ...common,
      json_path: jsonPathSchema.optional(),
      columns: z.record(nameSchema, columnSchema).optional(),
    }),
  ],
  { error: 'type must be one of string, number, date, boolean, list, table' },
);

const RULE_KEYS = ['label', 'regex', 'json_path', 'column', 'columns'] as const;

/** One value to find: its type and exactly one rule that finds it. */
const fieldSchema = fieldKinds.superRefine((field, context) => {
  const used = RULE_KEYS.filter((key) => key in field);
  if (used.length !== 1) {
    const allowed = field.type === 'table' ? 'columns or json_path' : 'label, regex, json_path or column';
    const found = used.length === 0 ? 'it has none' : `it has ${used.join(' and ')}`;
    context.addIssue(`a ${field.type} field is found by exactly one of ${allowed}; ${found}`);
  }
  if ('position' in field && !('label' in field)) {
    context.addIssue('position says where the value stands from its label, so it needs a label');
  }
});

const SCHEMA_TYPES = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'] as const;
const schemaType = z.enum(SCHEMA_TYPES);

/** Enough of JSON Schema to refuse a misspelt one early; keywords that it does not know pass. */
const jsonSchemaSchema: z.ZodType<Record<string, unknown>> = z.looseObject({
  type: z
    .union([schemaType, z.array(schemaType)], { error: `must be one of ${SCHEMA_TYPES.join(', ')}` })
    .optional(),
  get properties() {
    return z.record(z.string(), subschema).optional();
  },
  get items() {
    return subschema.optional();
  },
  required: z.array(z.string()).optional(),
  enum: z.array(z.unknown()).optional(),
  pattern: patternSchema.optional(),
  $ref: z.string().startsWith('#', 'may only point into this schema, for example #/$defs/line').optional(),
});

/** A schema inside a schema, where `true` and `false` are schemas too. */
const subschema = z.unknown().superRefine((value, context) => {
  if (typeof value === 'boolean') return;
  for (const issue of jsonSchemaSchema.safeParse(value).error?.issues ?? []) {
    context.addIssue({ code: 'custom', message: issue.message, path: issue.path });
  }
});

/** A key without a value (`- read:`) means: with nothing but defaults. */
function emptyAllowed<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess((value) => (value === null ? {} : value), schema);
}

const readStep = closed('read', {
  max_pages: z.int().min(1).max(10_000).optional(),
  max_bytes: z.int().min(1).optional(),
  max_seconds: z.number().min(0.1).max(7200).optional(),
});

const extractStep = closed('extract', {
  fields: z
    .record(nameSchema, fieldSchema)
    .refine((fields) => Object.keys(fields).length > 0, 'at least one field is needed')
    .refine((fields) => Object.keys(fields).length <= 200, 'at most 200 fields'),
});

const stepSchema = closed('a step', {
  read: emptyAllowed(readStep).optional(),
  extract: extractStep.optional(),
}).refine((step) => Object.keys(step).length === 1, 'a step has exactly one key: read or extract');

const stepsSchema = z
  .array(stepSchema)
  .min(1)
  .superRefine((steps, context) => {
    const kinds = steps.map((step) => Object.keys(step)[0]);
    if (kinds[0] !== 'read') context.addIssue('the first step is read');
    if (new Set(kinds).size < kinds.length) context.addIssue('each kind of step may stand once');
  });

/** What is stored of a workflow version, and all that a worker needs to process a file. */
export const workflowDefinitionSchema = closed('a workflow definition', {
  steps: stepsSchema,
  output_schema: jsonSchemaSchema.optional(),
});

/** The document `kind: workflow` of a file that a user applies. */
export const workflowDocumentSchema = closed('a workflow', {
  kind: z.literal('workflow'),
  name: nameSchema,
  description: z.string().max(2000).optional(),
  steps: stepsSchema,
  output_schema: jsonSchemaSchema.optional(),
});

const deploymentSettingsSchema = closed('settings', {
  max_parallel_files: z.int().min(1).max(1000).optional(),
});

/** The document `kind: deployment`: the public name under which a workflow takes files. */
export const deploymentDocumentSchema = closed('a deployment', {
  kind: z.literal('deployment'),
  api_name: nameSchema,
  workflow: nameSchema,
  description: z.string().max(2000).optional(),
  active: z.boolean().optional(),
  settings: emptyAllowed(deploymentSettingsSchema).optional(),
});

/** Any document of a file that a user applies; several may stand in one file. */
export const applyDocumentSchema = z.discriminatedUnion(
  'kind',
  [workflowDocumentSchema, deploymentDocumentSchema],
  {
    error: 'kind must be one of workflow, deployment',
  },
);

export type WorkflowDefinition = z.infer<typeof workflowDefinitionSchema>;
export type WorkflowDocument = z.infer<typeof workflowDocumentSchema>;
export type DeploymentDocument = z.infer<typeof deploymentDocumentSchema>;
export type ApplyDocument = z.infer<typeof applyDocumentSchema>;
export type WorkflowField = z.infer<typeof fieldSchema>;
export type WorkflowColumn = z.infer<typeof columnSchema>;
