import { z } from 'zod';
import { NAME_PATTERN } from './queues.ts';
import { scheduleDocumentSchema } from './schedules-api.ts';
import { skippedTaskFileSchema } from './sessions.ts';
import { pipelineDocumentSchema } from './pipeline.ts';
import { applyDocumentSchema, deploymentDocumentSchema, workflowDocumentSchema } from './workflow.ts';
import { valueChangeSchema } from './workflows-api.ts';

const timestamp = z.iso.datetime();

/** Workflows and deployments of one organisation, created or given a new version in one transaction. */
export const applyRequestSchema = z.object({
  organisation: z.string().regex(NAME_PATTERN).default('default'),
  documents: z.array(applyDocumentSchema).min(1).max(100),
  dry_run: z.boolean().optional().describe('True: says what would be done, and does nothing.'),
});
export type ApplyRequest = z.input<typeof applyRequestSchema>;

export const applyResponseSchema = z.object({
  changes: z.array(
    z.object({
      kind: z.enum(['workflow', 'deployment', 'pipeline', 'schedule', 'credential']),
      name: z.string(),
      action: z.enum(['created', 'updated', 'unchanged']),
      version: z
        .int()
        .nullable()
        .describe(
          'Of a workflow its latest, of a deployment the one that new executions get; null: it has none.',
        ),
      differences: z.array(valueChangeSchema).default([]).describe('What was changed, or would be.'),
    }),
  ),
});
export type ApplyResponse = z.infer<typeof applyResponseSchema>;

const withVersion = { version: z.int().describe('The latest, or the one that new executions get.') };

/** All workflows and deployments of an organisation, as documents that `apply` accepts. */
export const exportResponseSchema = z.object({
  workflows: z.array(z.object({ ...withVersion, document: workflowDocumentSchema })),
  deployments: z.array(z.object({ ...withVersion, document: deploymentDocumentSchema })),
  pipelines: z.array(z.object({ ...withVersion, document: pipelineDocumentSchema })),
  schedules: z.array(z.object({ document: scheduleDocumentSchema })).default([]),
});
export type ExportResponse = z.infer<typeof exportResponseSchema>;

/** Pools and their live sessions. */
export const workersResponseSchema = z.object({
  pools: z.array(
    z.object({
      pool: z.string(),
      worker: z.string(),
      queues: z.array(z.string()),
      tasks: z.array(z.string()),
      sessions: z.array(
        z.object({
          session_id: z.uuid(),
          instance: z.string(),
          hostname: z.string(),
          pid: z.int(),
          concurrency: z.int(),
          active: z.int(),
          state: z.enum(['active', 'draining']),
          health_port: z.int().nullable(),
          started_at: timestamp,
          seen_ms_ago: z.number(),
          /** For how long its main loop had not turned, as it said then. */
          loop_age_ms: z.number().min(0).optional(),
          skipped_task_files: z.array(skippedTaskFileSchema).optional(),
        }),
      ),
    }),
  ),
});
export type WorkersResponse = z.infer<typeof workersResponseSchema>;

/** Depth of each queue, from the database, never from the broker. */
export const queuesResponseSchema = z.object({
  queues: z.array(
    z.object({
      queue: z.string(),
      queued: z.int(),
      due: z.int(),
      running: z.int(),
      oldest_age_ms: z.number().nullable(),
      served: z.boolean(),
    }),
  ),
});
export type QueuesResponse = z.infer<typeof queuesResponseSchema>;
