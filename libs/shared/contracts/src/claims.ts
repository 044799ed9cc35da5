import { z } from 'zod';
import { jsonSchema } from './json.ts';
import { runStateSchema } from './states.ts';

/** The payload of a broker message: a parcel of runs. Ids only, never content. */
export const dispatchMessageSchema = z.object({
  dispatch_id: z.uuid(),
  run_ids: z.array(z.uuid()).min(1).max(50),
});
export type DispatchMessage = z.infer<typeof dispatchMessageSchema>;

/** `claim_id` names this attempt at claiming: a repeated call with the same one gets the same answer. */
export const claimRequestSchema = z.object({
  session_id: z.uuid(),
  claims: z
    .array(dispatchMessageSchema.extend({ claim_id: z.uuid() }))
    .min(1)
    .max(500),
});
export type ClaimRequest = z.infer<typeof claimRequestSchema>;

/** Small files travel with the claim; larger ones are fetched with the run token. */
export const claimedFileSchema = z.object({
  file_id: z.uuid(),
  name: z.string(),
  size: z.int().min(0),
  sha256: z.string(),
  content_base64: z.string().nullable(),
});
export type ClaimedFile = z.infer<typeof claimedFileSchema>;

/** How one child of a fan-out ended, as its continuation sees it. Outputs are fetched when they are needed. */
export const childSummarySchema = z.object({
  run_id: z.uuid(),
  key: z.string(),
  ordinal: z.int(),
  state: runStateSchema,
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});
export type ChildSummary = z.infer<typeof childSummarySchema>;

/** What every run of a deployment's execution shares. */
export const executionContextSchema = z.object({
  execution_id: z.uuid(),
  workflow_version_id: z.uuid(),
  include_extracted_text: z.boolean(),
  custom_data: jsonSchema.nullable(),
  tags: z.array(z.string()),
});
export type ExecutionContext = z.infer<typeof executionContextSchema>;

/** Everything a handler needs. Times are durations: the database's clock stays in the database. */
export const claimedRunSchema = z.object({
  run_id: z.uuid(),
  epoch: z.int().min(1),
  task: z.string(),
  input: jsonSchema,
  attempt: z.int().min(1),
  max_attempts: z.int(),
  organisation_id: z.uuid(),
  execution_id: z.uuid(),
  token: z.string(),
  soft_limit_ms: z.int(),
  hard_limit_ms: z.int(),
  file: claimedFileSchema.nullable(),
  children: z.array(childSummarySchema).nullable(),
});
export type ClaimedRun = z.infer<typeof claimedRunSchema>;

/** `granted`: run these. `refused`: drop the message; `reason` says why. */
export const claimAnswerSchema = z.object({
  dispatch_id: z.uuid(),
  answer: z.enum(['granted', 'refused']),
  reason: z.string().nullable(),
  runs: z.array(claimedRunSchema),
});
export type ClaimAnswer = z.infer<typeof claimAnswerSchema>;

export const claimResponseSchema = z.object({
  answers: z.array(claimAnswerSchema),
  executions: z.array(executionContextSchema),
  /** The `traceparent` of what is traced, by `execution_id`. */
  traces: z.record(z.string(), z.string()).optional(),
});
export type ClaimResponse = z.infer<typeof claimResponseSchema>;
