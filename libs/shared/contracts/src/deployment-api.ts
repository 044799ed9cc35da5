import { z } from 'zod';
import { jsonSchema } from './json.ts';
import { executionStatusSchema } from './states.ts';

/** One file's result as clients of a deployment see it. */
export const fileResultSchema = z.object({
  file: z.string(),
  file_execution_id: z.uuid(),
  status: z.enum(['Success', 'Failed']),
  result: z
    .object({ output: jsonSchema, metadata: jsonSchema.optional(), metrics: jsonSchema.optional() })
    .nullable(),
  error: z.string().nullable(),
  metadata: z.object({
    source_name: z.string(),
    source_hash: z.string(),
    file_execution_id: z.uuid(),
    total_elapsed_time: z.number(),
    workflow_id: z.uuid(),
    execution_id: z.uuid(),
    workflow_start_time: z.number(),
    organization_id: z.string(),
    tags: z.array(z.string()),
  }),
  extracted_text: z.string().optional(),
});
export type FileResult = z.infer<typeof fileResultSchema>;

/** Answer to `POST /deployment/api/{org}/{api_name}/`. */
export const executeResponseSchema = z.object({
  message: z.object({
    execution_id: z.uuid(),
    execution_status: executionStatusSchema,
    status_api: z.string(),
    error: z.string().nullable(),
    result: z.array(fileResultSchema).nullable(),
  }),
});
export type ExecuteResponse = z.infer<typeof executeResponseSchema>;

/** Answer to the polling `GET` on the same address. */
export const executionStatusResponseSchema = z.object({
  status: executionStatusSchema,
  message: z.union([z.array(fileResultSchema), z.string(), z.null()]),
});
export type ExecutionStatusResponse = z.infer<typeof executionStatusResponseSchema>;

/** Tags, as the contract has them: at most one. */
export const TAG_PATTERN = /^[a-zA-Z][a-zA-Z0-9_-]*$/;
