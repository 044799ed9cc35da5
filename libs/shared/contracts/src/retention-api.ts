import { z } from 'zod';

/**
 * The advisory lock, in the database of the truth, that whoever removes stored objects holds meanwhile. A backup holds
 * it too, so that no object disappears between its copy of the rows and its copy of the objects.
 */
export const DELETION_LOCK = 7_061_986;

const MAX_HOURS = 87_600;
const MAX_DAYS = 3_650;
const hours = z.int().min(0).max(MAX_HOURS).nullable();
const days = z.int().min(0).max(MAX_DAYS).nullable();

/** How long an organisation's data are kept after the end of an execution. Null: as the platform says. 0: for ever. */
export const retentionSchema = z.strictObject({
  uploads_hours: hours.default(null),
  results_days: days.default(null),
  logs_days: days.default(null),
  history_days: days.default(null),
});
export type Retention = z.infer<typeof retentionSchema>;

/** What an organisation asked for, and what holds for it. */
export const organisationRetentionSchema = z.object({
  organisation: z.string(),
  own: retentionSchema,
  effective: z.object({
    uploads_hours: z.int(),
    results_days: z.int(),
    logs_days: z.int(),
    history_days: z.int(),
  }),
});
export type OrganisationRetention = z.infer<typeof organisationRetentionSchema>;

/** Rows by table. */
const rowsByTable = z.record(z.string(), z.int());

export const deletedExecutionSchema = z.object({ execution_id: z.uuid(), removed: rowsByTable });
export type DeletedExecution = z.infer<typeof deletedExecutionSchema>;

/** The name once more, so that nobody deletes an organisation by a slip. */
export const deleteOrganisationQuerySchema = z.object({ confirm: z.string().optional() });

/**
 * The deletion of an organisation. `remaining` says, once all was removed, what a count in every table and a walk through the
 * stored objects still found: it is `done` only when all of that is zero.
 */
export const deletionSchema = z.object({
  deletion_id: z.uuid(),
  organisation: z.string(),
  state: z.enum(['running', 'done']),
  requested_at: z.iso.datetime(),
  finished_at: z.iso.datetime().nullable(),
  removed: rowsByTable,
  remaining: z.object({ rows: rowsByTable, objects: z.int() }).nullable(),
});
export type Deletion = z.infer<typeof deletionSchema>;
