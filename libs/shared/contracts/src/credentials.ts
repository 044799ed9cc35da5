import { z } from 'zod';
import { organisationFilter, organisationOfOne, pageEnd, pageQuery } from './paging.ts';
import { credentialTypeSchema, type CredentialType } from './pipeline-ends.ts';
import { closed, nameSchema } from './workflow/closed.ts';

const line = z
  .string()
  .min(1)
  .max(8192)
  .regex(/^[^\0\r\n]*$/, 'must be one line');
/** What stands in a header of a request as it is: nothing else could ever be sent. */
const inHeader = line.regex(/^[ -~]*$/, 'holds characters that no header can');
const pem = z
  .string()
  .max(100_000)
  .regex(/-----BEGIN [A-Z0-9 ]+-----/, 'is no PEM text');

/** What a credential of each type holds. All values are texts, and all of them are kept as secrets. */
const VALUES = {
  s3: closed('an s3 credential', {
    access_key_id: inHeader,
    secret_access_key: line,
    session_token: inHeader.optional(),
  }),
  postgresql: closed('a postgresql credential', {
    host: line.regex(/^[^\s/]+$/, 'is the name or the address of a host'),
    port: line.regex(/^\d{1,5}$/, 'is a number').optional(),
    database: line,
    user: line,
    password: line,
    tls: z.enum(['verify', 'require', 'off']).optional(),
    ca: pem.optional(),
    certificate: pem.optional(),
    key: pem.optional(),
  }),
  bearer: closed('a bearer credential', { token: inHeader }),
  basic: closed('a basic credential', {
    username: line.regex(/^[^:]*$/, 'may not hold ":"'),
    password: line,
  }),
  webhook: closed('a webhook credential', {
    secret: line.regex(
      /^whsec_[A-Za-z0-9+/]{32,}={0,2}$/,
      'is whsec_ and at least 24 bytes as base64, as Standard Webhooks has it',
    ),
  }),
};

export type CredentialValues<Type extends CredentialType = CredentialType> = z.infer<(typeof VALUES)[Type]>;

/** The keys that a credential of a type has, those that may be left out too. */
export function credentialKeys(type: CredentialType): string[] {
  return Object.keys(VALUES[type].shape);
}

/** What is wrong with the values of a credential; never tells a value. */
function checkValues(
  { type, values }: { type: CredentialType; values: Record<string, string> },
  context: z.RefinementCtx,
): void {
  for (const { path, message, ...issue } of VALUES[type].safeParse(values).error?.issues ?? []) {
    const [key] = issue.code === 'unrecognized_keys' ? issue.keys : [];
    const at = key === undefined ? path : [...path, key];
    context.addIssue({ code: 'custom', path: ['values', ...at], message });
  }
}

const values = z
  .record(z.string().max(64), z.string().max(100_000))
  .describe('Texts by the keys of the type. They are sealed when they arrive and never shown again.');

/** A credential with its values in clear, as it comes in. */
const shape = {
  type: credentialTypeSchema,
  description: z
    .string()
    .max(2000)
    .regex(/^[^\0]*$/u, 'may not hold the character NUL')
    .optional(),
  values,
};

/**
 * The document `kind: credential`. In files the values are references to the environment or to other files; whoever sends it
 * puts what they refer to in their place.
 */
export const credentialDocumentSchema = closed('a credential', {
  kind: z.literal('credential'),
  name: nameSchema,
  ...shape,
}).superRefine(checkValues);
export type CredentialDocument = z.infer<typeof credentialDocumentSchema>;

export const createCredentialRequestSchema = z
  .strictObject({ ...organisationOfOne, name: nameSchema, ...shape })
  .superRefine(checkValues);
export type CreateCredentialRequest = z.output<typeof createCredentialRequestSchema>;

/** Values are replaced as a whole; a description of null is taken away. */
export const changeCredentialRequestSchema = z.strictObject({
  description: shape.description.nullable(),
  values: values.optional(),
});
export type ChangeCredentialRequest = z.output<typeof changeCredentialRequestSchema>;

/** @returns what is wrong with values for a type, as zod tells it */
export function credentialIssues(type: CredentialType, given: Record<string, string>) {
  return z.object(shape).superRefine(checkValues).safeParse({ type, values: given }).error?.issues ?? [];
}

const timestamp = z.iso.datetime();

/** A credential as it is shown: never with its values. */
export const credentialSchema = z.object({
  credential_id: z.uuid(),
  organisation: z.string(),
  name: z.string(),
  type: credentialTypeSchema,
  description: z.string().nullable(),
  keys: z.array(z.string()).describe('The keys of its values.'),
  pipelines: z.array(z.string()).describe('Those that name it. While there are any it cannot be deleted.'),
  created_at: timestamp,
  changed_at: timestamp,
  last_used_at: timestamp.nullable().describe('When a worker was given it last, to the minute.'),
});
export type Credential = z.infer<typeof credentialSchema>;

export const credentialParams = z.object({ name: z.string().min(1).max(100) });
export const credentialQuerySchema = z.strictObject(organisationOfOne);
export const listCredentialsQuerySchema = z.strictObject({ ...organisationFilter, ...pageQuery });
export type ListCredentialsQuery = z.output<typeof listCredentialsQuerySchema>;
export const credentialListSchema = z.object({ credentials: z.array(credentialSchema), ...pageEnd });
