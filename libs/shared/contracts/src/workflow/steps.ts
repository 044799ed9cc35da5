import { z } from 'zod';
import { closed, emptyAllowed, nameSchema, oneOrList } from './closed.ts';
import { fieldSchema } from './field.ts';
import { globSchema } from './glob.ts';
import { checkReferences } from './references.ts';

const readStep = closed('read', {
  max_pages: z.int().min(1).max(10_000).optional(),
  max_bytes: z.int().min(1).optional(),
  max_seconds: z.number().min(0.1).max(7200).optional(),
});

const fields = z
  .record(nameSchema, fieldSchema)
  .refine((given) => Object.keys(given).length > 0, 'at least one field is needed')
  .refine((given) => Object.keys(given).length <= 200, 'at most 200 fields');

const overrideSchema = closed('an override', {
  file: oneOrList<string>(globSchema, 50),
  fields: fields.optional(),
  remove: z.array(nameSchema).min(1).max(200).optional(),
}).refine(
  ({ fields: changed, remove }) => changed !== undefined || remove !== undefined,
  'an override needs fields, which it adds or replaces, or remove, a list of fields to leave out',
);

export const extractStep = closed('extract', {
  fields,
  overrides: z.array(overrideSchema).min(1).max(50).optional(),
});

const checkedExtractStep = extractStep.superRefine(checkReferences);

const stepSchema = closed('a step', {
  read: emptyAllowed(readStep).optional(),
  extract: checkedExtractStep.optional(),
}).refine((step) => Object.keys(step).length === 1, 'a step has exactly one key: read or extract');

/** What is done to a file, in this order. */
export const stepsSchema = z
  .array(stepSchema)
  .min(1)
  .superRefine((steps, context) => {
    const kinds = steps.map((step) => Object.keys(step)[0]);
    if (kinds[0] !== 'read') context.addIssue('the first step is read');
    if (new Set(kinds).size < kinds.length) context.addIssue('each kind of step may stand once');
  });
