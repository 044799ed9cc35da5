import { z } from 'zod';
import { pageEnd, pageQuery } from './paging.ts';
import { NAME_PATTERN } from './queues.ts';

const weight = z
  .int()
  .min(1)
  .max(1000)
  .describe('Share of the workers, beside the other organisations that have work waiting.');
const maxParallelFiles = z
  .int()
  .min(1)
  .max(1000)
  .nullable()
  .describe('Files of one execution at a time, where its deployment does not say. Null: the default.');

export const createOrganisationRequestSchema = z.object({
  name: z.string().regex(NAME_PATTERN),
  weight: weight.optional(),
  max_parallel_files: maxParallelFiles.optional(),
});
export type CreateOrganisationRequest = z.infer<typeof createOrganisationRequestSchema>;

export const organisationSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  weight,
  max_parallel_files: maxParallelFiles,
  created_at: z.iso.datetime(),
});
export type Organisation = z.infer<typeof organisationSchema>;

/** What is not named stays as it is. */
export const updateOrganisationRequestSchema = z.strictObject({
  weight: weight.optional(),
  max_parallel_files: maxParallelFiles.optional(),
});
export type UpdateOrganisationRequest = z.infer<typeof updateOrganisationRequestSchema>;

export const listOrganisationsQuerySchema = z.object(pageQuery);
export const organisationListSchema = z.object({ organisations: z.array(organisationSchema), ...pageEnd });
