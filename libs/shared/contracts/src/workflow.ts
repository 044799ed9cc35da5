import { z } from 'zod';
import { credentialDocumentSchema } from './credentials.ts';
import { pipelineDocumentSchema } from './pipeline.ts';
import { scheduleDocumentSchema } from './schedules-api.ts';
import { closed, emptyAllowed, nameSchema } from './workflow/closed.ts';
import { outputSchemaSchema } from './workflow/output-schema.ts';
import { stepsSchema } from './workflow/steps.ts';

export { dependsOnFileName } from './workflow/dependence.ts';
export { EXPRESSION_FUNCTIONS } from './workflow/expression.ts';
export { checksOf, sourcesOf, type WorkflowCheck, type WorkflowField } from './workflow/field.ts';
export { globPattern } from './workflow/glob.ts';
export { orderedOutput } from './workflow/ordered-output.ts';
export { LONGEST_INSERT } from './workflow/pattern.ts';
export { CircularFieldsError, effectiveFields, orderOfFields } from './workflow/references.ts';
export { mayRunLong } from './workflow/running-time.ts';
export type { WorkflowBlockPart, WorkflowColumn } from './workflow/source.ts';
export { templatePieces } from './workflow/template.ts';

const description = z
  .string()
  .max(2000)
  .regex(/^[^\0]*$/u, 'may not hold the character NUL');

/** What is stored of a workflow version, and all that a worker needs to process a file. */
export const workflowDefinitionSchema = closed('a workflow definition', {
  steps: stepsSchema,
  output_schema: outputSchemaSchema.optional(),
});

/** The document `kind: workflow` of a file that a user applies. */
export const workflowDocumentSchema = closed('a workflow', {
  kind: z.literal('workflow'),
  name: nameSchema,
  description: description.optional(),
  steps: stepsSchema,
  output_schema: outputSchemaSchema.optional(),
});

const deploymentSettingsSchema = closed('settings', {
  max_parallel_files: z.int().min(1).max(1000).optional(),
  /** An execution that has not ended after this time ends in ERROR. Default: never. */
  max_seconds: z.int().min(1).max(604_800).optional(),
});

/** The document `kind: deployment`: the public name under which a workflow takes files. */
export const deploymentDocumentSchema = closed('a deployment', {
  kind: z.literal('deployment'),
  api_name: nameSchema,
  workflow: nameSchema,
  /** Stays with this version of the workflow. Default: the latest, from when it is applied. */
  version: z.int().min(1).max(2_147_483_647).optional(),
  description: description.optional(),
  active: z.boolean().optional(),
  settings: emptyAllowed(deploymentSettingsSchema).optional(),
});

/** Any document of a file that a user applies; several may stand in one file. */
export const applyDocumentSchema = z.discriminatedUnion(
  'kind',
  [
    workflowDocumentSchema,
    deploymentDocumentSchema,
    pipelineDocumentSchema,
    scheduleDocumentSchema,
    credentialDocumentSchema,
  ],
  {
    error: 'kind must be one of workflow, deployment, pipeline, schedule, credential',
  },
);

export type WorkflowDefinition = z.infer<typeof workflowDefinitionSchema>;
export type WorkflowDocument = z.infer<typeof workflowDocumentSchema>;
export type DeploymentDocument = z.infer<typeof deploymentDocumentSchema>;
export type ApplyDocument = z.infer<typeof applyDocumentSchema>;
