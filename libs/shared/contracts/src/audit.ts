import { z } from 'zod';
import { jsonObjectSchema } from './json.ts';
import { KEY_KINDS } from './keys.ts';
import { moment } from './moment.ts';
import { organisationFilter, pageEnd, pageQuery } from './paging.ts';

const timestamp = z.iso.datetime({ offset: true });

/** `success`: an act took effect. `failed`: it was tried and did not. `refused`: who asked may not. */
export const AUDIT_OUTCOMES = ['success', 'failed', 'refused'] as const;
/** Who acted: the kind of a key, `anonymous` for whoever showed no good one, `system` for the platform itself. */
export const ACTOR_KINDS = [...KEY_KINDS, 'anonymous', 'system'] as const;

/**
 * One line of the audit log. What failed or was refused is counted: the same from one address at one route within a
 * minute is one line, with `count` and the time of the last.
 */
export const auditEventSchema = z.object({
  id: z.uuid(),
  at: timestamp,
  last_at: timestamp,
  count: z.int(),
  actor: z.object({
    kind: z.enum(ACTOR_KINDS),
    key_id: z.uuid().nullable(),
    key_name: z.string().nullable(),
  }),
  address: z.string().nullable(),
  request_id: z.uuid().nullable(),
  action: z.string(),
  outcome: z.enum(AUDIT_OUTCOMES),
  organisation: z.string().nullable(),
  target: z.string().nullable(),
  detail: jsonObjectSchema.nullable(),
});
export type AuditEvent = z.infer<typeof auditEventSchema>;

/** Newest first. */
export const auditQuerySchema = z.object({
  since: moment.optional().describe('At this moment or later.'),
  until: moment.optional().describe('Before this moment.'),
  action: z
    .string()
    .max(100)
    .optional()
    .describe('For example `key.create`; `key.*` stands for all of a kind.'),
  actor: z.string().max(100).optional().describe('Id or name of the key that acted.'),
  outcome: z.enum(AUDIT_OUTCOMES).optional(),
  ...organisationFilter,
  ...pageQuery,
});
export type AuditQuery = z.output<typeof auditQuerySchema>;

export const auditResponseSchema = z.object({
  events: z.array(auditEventSchema),
  ...pageEnd,
});
export type AuditResponse = z.infer<typeof auditResponseSchema>;
