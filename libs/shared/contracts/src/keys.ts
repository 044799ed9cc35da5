import { z } from 'zod';
import { moment } from './moment.ts';
import { organisationFilter, pageEnd, pageQuery } from './paging.ts';
import { NAME_PATTERN } from './queues.ts';

const timestamp = z.iso.datetime({ offset: true });
const keyName = z.string().trim().min(1).max(100);
const names = z.array(z.string().regex(NAME_PATTERN)).min(1).max(100);

export const KEY_KINDS = ['admin', 'organisation', 'deployment', 'service'] as const;
export const keyKindSchema = z.enum(KEY_KINDS);
export type KeyKind = z.infer<typeof keyKindSchema>;

/** When a new key ends, in one of two ways; without either it never does. */
const expiry = {
  expires_in_days: z.int().min(1).max(3650).optional(),
  expires_at: moment.optional(),
};

/** What a key is for. A service key names the workers that may present it and the queues they may serve. */
export const createKeyRequestSchema = z
  .discriminatedUnion('kind', [
    z.object({ kind: z.literal('admin'), name: keyName, ...expiry }),
    z.object({ kind: z.literal('organisation'), name: keyName, organisation: z.string(), ...expiry }),
    z.object({
      kind: z.literal('deployment'),
      name: keyName,
      organisation: z.string(),
      api_name: z.string(),
      ...expiry,
    }),
    z.object({ kind: z.literal('service'), name: keyName, workers: names, queues: names, ...expiry }),
  ])
  .refine((key) => key.expires_in_days === undefined || key.expires_at === undefined, {
    path: ['expires_at'],
    error: 'give expires_in_days or expires_at, not both',
  });
export type CreateKeyRequest = z.infer<typeof createKeyRequestSchema>;

export const KEY_STATES = ['active', 'rotated', 'expired', 'revoked'] as const;

/**
 * A key as it is shown: everything but the secret. `hint` is its first and last characters, enough to recognise it.
 * `rotated`: has a successor and works until `expires_at`. `last_used_at` is right to a minute.
 */
export const keySchema = z.object({
  id: z.uuid(),
  kind: keyKindSchema,
  name: z.string(),
  hint: z.string(),
  state: z.enum(KEY_STATES),
  organisation: z.string().nullable(),
  api_name: z.string().nullable(),
  workers: z.array(z.string()),
  queues: z.array(z.string()),
  created_at: timestamp,
  expires_at: timestamp.nullable(),
  last_used_at: timestamp.nullable(),
  revoked_at: timestamp.nullable(),
  /** The key that took its place when it was rotated. */
  successor_id: z.uuid().nullable(),
});
export type KeyView = z.infer<typeof keySchema>;

/** The only answer that holds a secret: it is shown once, at the creation or rotation of its key. */
export const createdKeySchema = keySchema.extend({ key: z.string() });
export type CreatedKey = z.infer<typeof createdKeySchema>;

/** Newest first. */
export const listKeysQuerySchema = z.object({
  kind: keyKindSchema.optional(),
  state: z.enum(KEY_STATES).optional(),
  ...organisationFilter,
  ...pageQuery,
});
export type ListKeysQuery = z.output<typeof listKeysQuerySchema>;

export const listKeysResponseSchema = z.object({
  keys: z.array(keySchema),
  ...pageEnd,
});

const DAY_SECONDS = 86_400;

/** How long the old secret stays good beside the new one. Default one day, at most 30. */
export const rotateKeyRequestSchema = z.object({
  overlap_seconds: z
    .int()
    .min(0)
    .max(30 * DAY_SECONDS)
    .default(DAY_SECONDS),
});
