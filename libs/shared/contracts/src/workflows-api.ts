import { z } from 'zod';
import { jsonObjectSchema, jsonSchema } from './json.ts';
import { organisationFilter, organisationOfOne, pageEnd, pageQuery } from './paging.ts';
import { deploymentDocumentSchema } from './workflow.ts';

const timestamp = z.iso.datetime();
const named = { organisation: z.string(), name: z.string() };

export const workflowSchema = z.object({
  id: z.uuid(),
  ...named,
  version: z.int().describe('The latest, which new executions get.'),
  created_at: timestamp,
  updated_at: timestamp.describe('When its latest version was made.'),
});
export type Workflow = z.infer<typeof workflowSchema>;

export const workflowVersionSchema = z.object({
  id: z.uuid(),
  version: z.int(),
  created_at: timestamp,
});

/** A version as it was applied. It never changes. */
export const workflowVersionDetailSchema = z.object({
  ...workflowVersionSchema.shape,
  ...named,
  definition: jsonObjectSchema,
});
export type WorkflowVersionDetail = z.infer<typeof workflowVersionDetailSchema>;

/** One difference: what must be done to the older value to make it the newer one. */
export const valueChangeSchema = z.object({
  change: z.enum(['added', 'removed', 'changed']),
  path: z.string().describe('JSON Pointer (RFC 6901) to the value; "" is the whole.'),
  from: jsonSchema.optional().describe('The older value; absent when it was added.'),
  to: jsonSchema.optional().describe('The newer value; absent when it was removed.'),
});
export type ValueChange = z.infer<typeof valueChangeSchema>;

const version = z.coerce.number<number | string>().int().min(1).max(2_147_483_647);

export const workflowVersionParams = z.object({ name: z.string().min(1).max(100), version });
export const workflowQuerySchema = z.object(organisationOfOne);
export const workflowVersionsQuerySchema = z.object({ ...organisationOfOne, ...pageQuery });
export const listWorkflowsQuerySchema = z.object({ ...organisationFilter, ...pageQuery });
export const workflowDiffQuerySchema = z.object({
  ...organisationOfOne,
  from: version.optional().describe('Default: the version before `to`.'),
  to: version.optional().describe('Default: the latest.'),
});

export const workflowListSchema = z.object({ workflows: z.array(workflowSchema), ...pageEnd });
export const workflowVersionListSchema = z.object({ versions: z.array(workflowVersionSchema), ...pageEnd });
export const workflowDiffSchema = z.object({
  from: z.int(),
  to: z.int(),
  changes: z.array(valueChangeSchema),
});

export const deploymentSchema = z.object({
  id: z.uuid(),
  organisation: z.string(),
  api_name: z.string(),
  workflow: z.string(),
  workflow_version: z.int().describe('The version that new executions get.'),
  active: z.boolean(),
  settings: jsonObjectSchema,
  address: z.string().describe('Where files are posted.'),
  created_at: timestamp,
});
export type DeploymentView = z.infer<typeof deploymentSchema>;

export const deploymentParams = z.object({ api_name: z.string().min(1).max(100) });
export const deploymentListSchema = z.object({ deployments: z.array(deploymentSchema), ...pageEnd });

export const pipelineSchema = z.object({
  id: z.uuid(),
  organisation: z.string(),
  pipeline_id: z.string(),
  workflow: z.string(),
  workflow_version: z.int().describe('The version that new executions get.'),
  active: z.boolean(),
  source: z.string().describe('What it reads: `folder`, `https` or `s3`.'),
  destination: z.string().describe('Where it delivers: `folder`, `s3`, `postgresql`, `webhook`, or `none`.'),
  address: z.string().describe('Where it is run.'),
  created_at: timestamp,
});
export type PipelineView = z.infer<typeof pipelineSchema>;

export const pipelineListSchema = z.object({ pipelines: z.array(pipelineSchema), ...pageEnd });

/** What is not named stays as it is; `settings` are replaced as a whole. */
export const updateDeploymentRequestSchema = z.strictObject({
  active: z.boolean().optional(),
  settings: deploymentDocumentSchema.shape.settings,
});
export type UpdateDeploymentRequest = z.infer<typeof updateDeploymentRequestSchema>;
