import { z } from 'zod';
import { closed, emptyAllowed, nameSchema, oneOrList } from './closed.ts';
import { fieldSchema } from './field.ts';
import { globSchema } from './glob.ts';
import { checkReferences } from './references.ts';

/** Names of the encodings that a text file may be said to have. */
export const TEXT_ENCODINGS = [
  ...['utf-8', 'utf-16le', 'utf-16be', 'windows-1250', 'windows-1251', 'windows-1252', 'windows-1253'],
  ...[
    'windows-1254',
    'windows-1255',
    'windows-1256',
    'windows-1257',
    'windows-1258',
    'iso-8859-2',
    'iso-8859-5',
  ],
  ...[
    'iso-8859-7',
    'iso-8859-8',
    'iso-8859-15',
    'koi8-r',
    'koi8-u',
    'macintosh',
    'ibm866',
    'shift_jis',
    'euc-jp',
  ],
  ...['iso-2022-jp', 'gbk', 'gb18030', 'big5', 'euc-kr'],
] as const;

const languageSchema = z
  .string()
  .regex(/^[A-Za-z][\w-]{1,30}$/u, 'is not the code of a language, such as eng or deu');

const readStep = closed('read', {
  max_pages: z.int().min(1).max(10_000).optional(),
  max_bytes: z.int().min(1).optional(),
  max_seconds: z.number().min(0.1).max(7200).optional(),
  /** Languages of text that is recognised in pictures and scans. Default: those of the installation. */
  languages: oneOrList<string>(languageSchema, 10).optional(),
  /** Text keeps its columns, filled up with spaces. Default false. */
  layout: z.boolean().optional(),
  /** Encoding of text files that are not UTF-8 and do not say theirs. Default: told from the text where that is possible. */
  encoding: z.enum(TEXT_ENCODINGS).optional(),
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

const localeSchema = z.string().refine((locale) => {
  try {
    return Intl.NumberFormat.supportedLocalesOf(locale).length > 0;
  } catch {
    return false;
  }
}, 'must be a language, with a country if need be: de, en-US, en-GB');

export const extractStep = closed('extract', {
  /** Where the documents come from: settles numbers and dates that can be read in two ways. */
  locale: localeSchema.optional(),
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
