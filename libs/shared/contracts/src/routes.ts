import { cancelRoutes } from './routes/cancel.ts';
import { credentialRoutes } from './routes/credentials.ts';
import { deploymentRoutes } from './routes/deployment.ts';
import { executionRoutes } from './routes/executions.ts';
import { failureRoutes } from './routes/failures.ts';
import { internalRoutes } from './routes/internal.ts';
import { keyRoutes } from './routes/keys.ts';
import { nativeRoutes } from './routes/native.ts';
import { openApiRoutes } from './routes/openapi.ts';
import { organisationRoutes } from './routes/organisations.ts';
import { pipelineRoutes } from './routes/pipelines.ts';
import { platformRoutes } from './routes/platform.ts';
import { retentionRoutes } from './routes/retention.ts';
import { runRoutes } from './routes/runs.ts';
import { scheduleRoutes } from './routes/schedules.ts';
import { taskRoutes } from './routes/tasks.ts';
import { webhookRoutes } from './routes/webhooks.ts';
import { workflowRoutes } from './routes/workflows.ts';

export type { Route, RouteAuth, RouteDocumentation } from './routes/route.ts';

/** Every route of the backend. The server mounts them from here and the client calls them from here. */
export const routes = Object.freeze({
  ...internalRoutes,
  ...deploymentRoutes,
  ...nativeRoutes,
  ...organisationRoutes,
  ...workflowRoutes,
  ...executionRoutes,
  ...runRoutes,
  ...openApiRoutes,
  ...cancelRoutes,
  ...keyRoutes,
  ...retentionRoutes,
  ...pipelineRoutes,
  ...failureRoutes,
  ...taskRoutes,
  ...scheduleRoutes,
  ...platformRoutes,
  ...credentialRoutes,
  ...webhookRoutes,
});
export type Routes = typeof routes;
