import { z } from 'zod';
import { closed, emptyAllowed, nameSchema } from './workflow/closed.ts';

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
  .refine(isBalanced, 'holds a bracket that is not closed: known are *, **, ?, [abc] and {a,b}');

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

const address = z
  .string()
  .max(8192)
  .superRefine((text, context) => {
    const url = URL.parse(text);
    if (url === null || !['https:', 'http:'].includes(url.protocol)) context.addIssue('is no https address');
    else if (url.username !== '' || url.password !== '')
      context.addIssue('must not hold a user name or a password');
    else if (bytesOf(pathOfAddress(text)) > LONGEST_PATH_BYTES) context.addIssue('is too long');
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

export const pipelineSourceSchema = closed('a source', {
  folder: folderSource.optional(),
  https: addresses.optional(),
}).refine(({ folder, https }) => (folder === undefined) !== (https === undefined), {
  error: 'a source has either the key folder or the key https',
});
export type PipelineSource = z.infer<typeof pipelineSourceSchema>;

const folderDestination = closed('a destination', { folder: closed('a folder', { path: folderPath }) });

export const pipelineDestinationSchema = z.union([z.literal('none'), folderDestination], {
  error: ({ input }) => {
    const issues = folderDestination.safeParse(input).error?.issues ?? [];
    const isMap = typeof input === 'object' && input !== null;
    const said = issues.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': '));
    return isMap && said.length > 0 ? said.join('; ') : 'a destination is none, or has the key folder';
  },
});
export type PipelineDestination = z.infer<typeof pipelineDestinationSchema>;

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
