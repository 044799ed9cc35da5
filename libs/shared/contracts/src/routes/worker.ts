import { internalRoutes } from './internal.ts';
import { pipelineRoutes } from './pipelines.ts';
import { webhookRoutes } from './webhooks.ts';

/** The tables that have routes of workers in them: a bundle that needs no others does not carry the schemas of the whole public API. */
export const workerRoutes = Object.freeze({ ...internalRoutes, ...pipelineRoutes, ...webhookRoutes });
