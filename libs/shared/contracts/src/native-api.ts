import { z } from 'zod';
import { NAME_PATTERN } from './queues.ts';
import { runErrorSchema } from './reports.ts';
import { fileResultSchema } from './deployment-api.ts';
import { executionStatusSchema, runStateSchema } from './states.ts';
import { applyDocumentSchema } from './workflow.ts';

const timestamp = z.iso.datetime();

/** One file run inside an execution: which worker ran it, which attempt, from when to when. */
export const fileRunSchema = z.object({
  file: z.string(),
  file_execution_id: z.uuid(),
  size: z.int(),
  state: runStateSchema,
  worker: z.string().nullable(),
  attempt: z.int(),
  starts: z.int(),
  started_at: timestamp.nullable(),
  finished_at: timestamp.nullable(),
  error: runErrorSchema.nullable(),
});

/** `GET /api/v1/executions/{id}`: readable as often as wanted. */
export const executionDetailSchema = z.object({
  execution_id: z.uuid(),
  api_name: z.string(),
  status: executionStatusSchema,
  error: z.string().nullable(),
  total_files: z.int(),
  successful_files: z.int(),
  failed_files: z.int(),
  created_at: timestamp,
  started_at: timestamp.nullable(),
  finished_at: timestamp.nullable(),
  files: z.array(fileRunSchema),
  result: z.array(fileResultSchema).nullable(),
});
export type ExecutionDetail = z.infer<typeof executionDetailSchema>;

/** Workflows and deployments of one organisation, created or given a new version in one transaction. */
export const applyRequestSchema = z.object({
  organisation: z.string().regex(NAME_PATTERN).default('default'),
  documents: z.array(applyDocumentSchema).min(1).max(100),
});
export type ApplyRequest = z.input<typeof applyRequestSchema>;

export const applyResponseSchema = z.object({
  changes: z.array(
    z.object({
      kind: z.enum(['workflow', 'deployment']),
      name: z.string(),
      action: z.enum(['created', 'updated', 'unchanged']),
      version: z.int().nullable(),
    }),
  ),
});
export type ApplyResponse = z.infer<typeof applyResponseSchema>;

export const createOrganisationRequestSchema = z.object({ name: z.string().regex(NAME_PATTERN) });
export const organisationSchema = z.object({ id: z.uuid(), name: z.string() });

/** A key is shown once, in the answer to its creation. */
export const createKeyRequestSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('admin'), name: z.string().min(1).max(100) }),
  z.object({ kind: z.literal('organisation'), name: z.string().min(1).max(100), organisation: z.string() }),
  z.object({
    kind: z.literal('deployment'),
    name: z.string().min(1).max(100),
    organisation: z.string(),
    api_name: z.string(),
  }),
  z.object({
    kind: z.literal('service'),
    name: z.string().min(1).max(100),
    workers: z.array(z.string().regex(NAME_PATTERN)).min(1),
    queues: z.array(z.string().regex(NAME_PATTERN)).min(1),
  }),
]);
export type CreateKeyRequest = z.infer<typeof createKeyRequestSchema>;
export const createdKeySchema = z.object({
  id: z.uuid(),
  kind: z.string(),
  name: z.string(),
  key: z.string(),
});
export type CreatedKey = z.infer<typeof createdKeySchema>;

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
