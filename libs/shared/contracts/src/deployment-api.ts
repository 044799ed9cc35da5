import { z } from 'zod';
import { jsonSchema } from './json.ts';
import { executionStatusSchema } from './states.ts';

/** One file's result as clients of a deployment see it. */
export const fileResultSchema = z.object({
  file: z.string(),
  file_execution_id: z.uuid(),
  status: z
    .enum(['Success', 'Failed', 'Skipped'])
    .describe('Skipped: by a pipeline, for the reason in `error`.'),
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
    /** The file run whose result this is, where an earlier one was reused. */
    reused_from: z.uuid().optional(),
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

const flag = z.enum(['true', 'false']).optional();
const resultFlagFields = {
  include_metadata: flag.describe('Adds what is known of each document.'),
  include_metrics: flag.describe('Adds times and attempts.'),
  include_extracted_text: flag.describe('Adds the text of each document.'),
};

/** The form that a deployment takes, for its description; the server reads it as a stream and is more lenient. */
export const executeFormSchema = z.object({
  files: z.array(z.file()).max(32).optional().describe('The documents; at least one, or an address of one.'),
  presigned_urls: z
    .array(z.url())
    .max(32)
    .optional()
    .describe('Addresses (https) from which to fetch documents.'),
  timeout: z
    .string()
    .regex(/^(-1|\d|[1-9]\d|[12]\d\d|300)$/)
    .optional()
    .describe('Wait for the result up to this many seconds, -1 to 300; -1 and 0 answer at once.'),
  ...resultFlagFields,
  use_file_history: flag.describe('An earlier result of the same content and workflow version will do.'),
  tags: z
    .string()
    .max(50)
    .optional()
    .describe('At most one tag: a letter, then letters, digits, "_" or "-".'),
  llm_profile_id: z.uuid().optional(),
  custom_data: z.string().optional().describe('A JSON object, handed to the workflow.'),
});

/** The query of the polling `GET`, for its description. */
export const executionStatusQuerySchema = z.object({
  execution_id: z.uuid(),
  ...resultFlagFields,
});
