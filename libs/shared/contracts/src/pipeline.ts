import { z } from 'zod';
import {
  httpsWithCredential,
  postgresqlDestinationSchema,
  s3DestinationSchema,
  s3SourceSchema,
  webAddress,
  webhookDestinationSchema,
} from './pipeline-ends.ts';
import { closed, emptyAllowed, nameSchema } from './workflow/closed.ts';

export {
  CREDENTIAL_TYPES,
  credentialTypeSchema,
  ROW_FACTS,
  type CredentialType,
  type OpenedCredential,
  type PostgresqlDestination,
  type S3Place,
  type WebhookDestination,
} from './pipeline-ends.ts';

/** Longest path of a file under its source, bytes: it is part of the key under which the file is known. */
export const LONGEST_PATH_BYTES = 1000;
const MOST_ADDRESSES = 1000;

/** How long a text is as UTF-8. */
export function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

const description = z
  .string()
  .max(2000)
  .regex(/^[^\0]*$/u, 'may not hold the character NUL');

const folderPath = z
  .string()
  .max(1000)
  .regex(/^(?:\/|[A-Za-z]:[\\/])/, 'must be absolute, as the general worker sees it: it begins with /')
  .refine((path) => !path.includes('\0'), 'may not hold the character NUL')
  .refine((path) => !path.split(/[\\/]/).includes('..'), 'must not hold ".."');

const globSchema = z
  .string()
  .min(1)
  .max(200)
  .refine((glob) => !glob.startsWith('/'), 'is matched against the path below the folder: no / in front')
  .refine((glob) => !/[\\\0]/.test(glob), 'folders are separated by /, and there is nothing to escape with')
  .refine((glob) => !glob.split('/').includes('..'), 'must not hold ".."')
  .refine(isBalanced, 'holds a bracket that is not closed: known are *, **, ?, [abc] and {a,b}')
  .refine((glob) => !/\{[^{}]*\.\.[^{}]*\}/.test(glob), 'a range such as {1..3} is not known: write {1,2,3}');

function isBalanced(glob: string): boolean {
  const open = glob.replaceAll(/\[[^[\]]+\]/g, '');
  const left = open.replaceAll(/\{[^{}]*\}/g, '');
  return !/[[\]{}]/.test(left);
}

const folderSource = closed('a folder', {
  path: folderPath,
  glob: globSchema.optional().describe('Of the path below the folder. Default: `**/*`.'),
  recursive: z.boolean().optional().describe('Whether folders in it are read too. Default: true.'),
});

const address = webAddress.superRefine((text, context) => {
  if (URL.canParse(text) && bytesOf(pathOfAddress(text)) > LONGEST_PATH_BYTES)
    context.addIssue('is too long');
});

const addresses = z
  .array(address)
  .min(1)
  .max(MOST_ADDRESSES)
  .superRefine((list, context) => {
    const paths = list.map((each) => (URL.canParse(each) ? pathOfAddress(each) : each));
    paths.forEach((path, index) => {
      if (paths.indexOf(path) === index) return;
      const message = 'has the same host and path as another one: its result could not be told from that one';
      context.addIssue({ code: 'custom', path: [index], message });
    });
  });

/**
 * The path under which the file behind an address is known: host and path as the address spells them, without what
 * follows a `?`, which may be a signature that changes.
 */
export function pathOfAddress(text: string): string {
  const { host, pathname } = new URL(text);
  const path = pathname.replaceAll(/\/+/g, '/').replace(/\/$/, '/index');
  return `${host.replaceAll(/[[\]:]/g, '_')}${path}`;
}

type Addresses = z.infer<typeof addresses>;
const withCredential = httpsWithCredential(addresses);

/** Unlike a union it says what is wrong with the one of both that was meant, at its place. */
const https = z.unknown().superRefine((value, context) => {
  const meant = Array.isArray(value) ? addresses : withCredential;
  for (const { message, path, ...issue } of meant.safeParse(value).error?.issues ?? []) {
    const [key] = issue.code === 'unrecognized_keys' ? issue.keys : [];
    context.addIssue({ code: 'custom', message, path: key === undefined ? path : [...path, key] });
  }
}) as unknown as z.ZodType<Addresses | z.infer<typeof withCredential>>;

export const pipelineSourceSchema = closed('a source', {
  folder: folderSource.optional(),
  https: https.optional(),
  s3: s3SourceSchema(globSchema).optional(),
}).refine((source) => Object.values(source).filter((end) => end !== undefined).length === 1, {
  error: 'a source has one of the keys folder, https, s3',
});
export type PipelineSource = z.infer<typeof pipelineSourceSchema>;

const destinationMap = closed('a destination', {
  folder: closed('a folder', { path: folderPath }).optional(),
  s3: s3DestinationSchema.optional(),
  postgresql: postgresqlDestinationSchema.optional(),
  webhook: webhookDestinationSchema.optional(),
}).refine((destination) => Object.values(destination).filter((end) => end !== undefined).length === 1, {
  error: 'a destination is none, or has one of the keys folder, s3, postgresql, webhook',
});

export const pipelineDestinationSchema = z.union([z.literal('none'), destinationMap], {
  error: ({ input }) => complaintOf(destinationMap, input) ?? NO_DESTINATION,
});
export type PipelineDestination = z.infer<typeof pipelineDestinationSchema>;

const NO_DESTINATION = 'a destination is none, or has one of the keys folder, s3, postgresql, webhook';

/** What is wrong with what was meant, where a union would only say that it is none of all. Undefined: no map or list was meant. */
function complaintOf(schema: z.ZodType, input: unknown): string | undefined {
  if (typeof input !== 'object' || input === null) return undefined;
  const issues = schema.safeParse(input).error?.issues ?? [];
  const said = issues.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': '));
  return said.length > 0 ? said.join('; ') : undefined;
}

const settingsSchema = closed('settings', {
  max_parallel_files: z.int().min(1).max(1000).optional(),
});

/** The document `kind: pipeline`: where files come from, what is found in them, where that goes. */
export const pipelineDocumentSchema = closed('a pipeline', {
  kind: z.literal('pipeline'),
  pipeline_id: nameSchema,
  workflow: nameSchema,
  /** Stays with this version of the workflow. Default: the latest. */
  version: z.int().min(1).max(2_147_483_647).optional(),
  description: description.optional(),
  active: z.boolean().optional(),
  source: pipelineSourceSchema,
  destination: pipelineDestinationSchema,
  settings: emptyAllowed(settingsSchema).optional(),
});
export type PipelineDocument = z.infer<typeof pipelineDocumentSchema>;
