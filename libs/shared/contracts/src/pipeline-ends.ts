import { z } from 'zod';
import { closed, nameSchema } from './workflow/closed.ts';

/** Where pipelines reach with a credential: buckets, tables, addresses that take results. */

/** What a credential may be for. */
export const CREDENTIAL_TYPES = ['s3', 'postgresql', 'bearer', 'basic', 'webhook'] as const;
export const credentialTypeSchema = z.enum(CREDENTIAL_TYPES);
export type CredentialType = z.infer<typeof credentialTypeSchema>;

/** What the run of a pipeline is given of the credential that it names. */
export const openedCredentialSchema = z.object({
  type: credentialTypeSchema,
  values: z.record(z.string(), z.string()),
});
export type OpenedCredential = z.infer<typeof openedCredentialSchema>;

const credential = nameSchema.describe('The name of a credential of the organisation.');

/** An address without what a credential is for. */
export const webAddress = z
  .string()
  .max(8192)
  .superRefine((text, context) => {
    const url = URL.parse(text);
    if (url === null || !['https:', 'http:'].includes(url.protocol)) context.addIssue('is no https address');
    else if (url.username !== '' || url.password !== '')
      context.addIssue('must not hold a user name or a password');
  });

const keyText = z
  .string()
  .max(900)
  .refine((text) => !text.includes('\0'), 'may not hold the character NUL')
  .refine((text) => !text.startsWith('/'), 'begins without /')
  .refine(
    (text) => !text.split('/').some((part) => part === '.' || part === '..'),
    'must not hold "." or ".."',
  );

const bucket = {
  endpoint: webAddress
    .refine((text) => /^[^?#]*$/.test(text), 'has nothing behind a ? or #')
    .optional()
    .describe('Default: that of AWS in this region.'),
  region: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/, 'is a name such as eu-central-1')
    .optional()
    .describe('Default: us-east-1.'),
  bucket: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/, 'is the name of a bucket: 3 to 63 of a-z, 0-9, ".", "-"'),
  prefix: keyText
    .optional()
    .describe('Before the path of each file, mostly with a / at its end. Default: nothing.'),
  path_style: z
    .boolean()
    .optional()
    .describe('The bucket stands in the path, not in the host. Default: true with an endpoint, else false.'),
  credential,
};

/** Files in a bucket that speaks the protocol of S3. */
export const s3SourceSchema = (glob: z.ZodType<string>) =>
  closed('s3', {
    ...bucket,
    glob: glob.optional().describe('Of the key behind the prefix. Default: `**/*`.'),
  });
export const s3DestinationSchema = closed('s3', bucket);
export type S3Place = z.infer<typeof s3DestinationSchema>;

const identifier = z
  .string()
  .min(1)
  .refine((text) => new TextEncoder().encode(text).length <= 63, 'has at most 63 bytes')
  .refine((text) => !text.includes('\0'), 'may not hold the character NUL');

/** What a column can be filled with beside fields of the result. */
export const ROW_FACTS = [
  '$execution_id',
  '$pipeline_id',
  '$file',
  '$sha256',
  '$size',
  '$output',
  '$problems',
] as const;

const columns = z.record(identifier, z.string().min(1).max(200)).superRefine((map, context) => {
  const named = Object.values(map);
  if (Object.keys(map).length > 500) context.addIssue('has at most 500 columns');
  for (const fact of ['$execution_id', '$file'])
    if (!named.includes(fact))
      context.addIssue(`needs a column for ${fact}: by execution and file a row is found again`);
  for (const [column, what] of Object.entries(map))
    if (what.startsWith('$') && !(ROW_FACTS as readonly string[]).includes(what))
      context.addIssue({
        code: 'custom',
        path: [column],
        message: `is no fact of a row; there are ${ROW_FACTS.join(', ')}`,
      });
});

/** A table of PostgreSQL that gets one row for each file. */
export const postgresqlDestinationSchema = closed('postgresql', {
  schema: identifier.optional().describe('Default: public.'),
  table: identifier,
  columns: columns
    .optional()
    .describe(
      'Which column of a table that is there gets which field. Without it the table is made, by the schema of the output.',
    ),
  credential,
});
export type PostgresqlDestination = z.infer<typeof postgresqlDestinationSchema>;

/** An address to which each result is posted. */
export const webhookDestinationSchema = closed('a webhook', {
  url: webAddress,
  credential: credential.optional(),
});
export type WebhookDestination = z.infer<typeof webhookDestinationSchema>;

/** Addresses whose server wants to know who asks. */
export const httpsWithCredential = <Addresses extends z.ZodType>(addresses: Addresses) =>
  closed('https', { addresses, credential });
