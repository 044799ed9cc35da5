import { z } from 'zod';
import { patternSchema } from './pattern.ts';

const SCHEMA_TYPES = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'] as const;
const schemaType = z.enum(SCHEMA_TYPES);

/** Enough of JSON Schema to refuse a misspelt one early; keywords that it does not know pass. */
export const outputSchemaSchema: z.ZodType<Record<string, unknown>> = z.looseObject({
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
  for (const issue of outputSchemaSchema.safeParse(value).error?.issues ?? []) {
    context.addIssue({ code: 'custom', message: issue.message, path: issue.path });
  }
});
