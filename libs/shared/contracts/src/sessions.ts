import { z } from 'zod';
import { jsonObjectSchema } from './json.ts';
import { taskLimitsSchema } from './limits.ts';
import { NAME_PATTERN } from './queues.ts';

const nameSchema = z.string().regex(NAME_PATTERN);

/** What a worker tells about a task that it registered. Stored; outlives the worker. */
export const taskDescriptorSchema = z.object({
  name: nameSchema,
  group: z.string().min(1).max(100),
  queue: nameSchema,
  description: z.string().max(2000),
  input_schema: jsonObjectSchema,
  max_attempts: z.int().min(1).max(100),
  soft_limit_ms: z.int().positive(),
  hard_limit_ms: z.int().positive(),
  isolation: z.enum(['inline', 'thread', 'process']),
  /** How many runs may go on at once, and start in a time. None when not given. */
  limits: taskLimitsSchema.optional(),
});
export type TaskDescriptor = z.infer<typeof taskDescriptorSchema>;

/** A task file, or a folder of them, that a worker could not load. */
export const skippedTaskFileSchema = z.object({
  file: z.string().max(4096),
  reason: z.string().max(500),
});
export type SkippedTaskFile = z.infer<typeof skippedTaskFileSchema>;

/** A worker process introduces itself; the answer names its pool and the BullMQ queue of that pool. */
export const registerSessionRequestSchema = z.object({
  worker: nameSchema,
  instance: z.string().min(1).max(200),
  hostname: z.string().max(255),
  pid: z.int().positive(),
  contract_version: z.int(),
  queues: z.array(nameSchema).min(1).max(100),
  tasks: z.array(taskDescriptorSchema).max(1000),
  concurrency: z.int().min(1).max(1000),
  health_port: z.int().nullable(),
  skipped_task_files: z.array(skippedTaskFileSchema).max(100).optional(),
});
export type RegisterSessionRequest = z.infer<typeof registerSessionRequestSchema>;

export const registerSessionResponseSchema = z.object({
  session_id: z.uuid(),
  pool: z.string(),
  broker_queue: z.string(),
  contract_version: z.int(),
  heartbeat_busy_ms: z.int(),
  heartbeat_idle_ms: z.int(),
  session_timeout_ms: z.int(),
});
export type RegisterSessionResponse = z.infer<typeof registerSessionResponseSchema>;

export const heartbeatRequestSchema = z.object({
  active: z.int().min(0),
  loop_age_ms: z.number().min(0),
  state: z.enum(['active', 'draining']),
  /** How many runs the process executes at once from now on; what it registered with when not given. */
  concurrency: z.int().min(1).max(1000).optional(),
});
export type HeartbeatRequest = z.infer<typeof heartbeatRequestSchema>;

/**
 * `lapsed`: this session was given up; the worker aborts all its runs and reports nothing.
 * `dispatched`: dispatches that were published for the pool and nobody claimed yet.
 */
export const heartbeatResponseSchema = z.object({
  status: z.enum(['live', 'lapsed']),
  cancelled: z.array(z.object({ run_id: z.uuid(), epoch: z.int() })),
  dispatched: z.int(),
});
export type HeartbeatResponse = z.infer<typeof heartbeatResponseSchema>;
