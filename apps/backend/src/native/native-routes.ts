import type { Outcomes } from '../executions/outcome.ts';
import type { MountedRoute } from '../http/server.ts';
import type { Database } from '../store/database.ts';
import { openApiRoutes } from '../openapi/openapi-routes.ts';
import { deploymentAdminRoutes } from './deployments.ts';
import { executionRoutes } from './executions.ts';
import { organisationRoutes } from './organisations.ts';
import { pipelineListRoutes } from './pipelines.ts';
import { runListRoutes } from './runs.ts';
import { workflowRoutes } from './workflows.ts';

export interface NativeRoutesDependencies {
  readonly database: Database;
  readonly outcomes: Outcomes;
}

/** The native API: what belongs to an organisation, for its own keys and for administrators; and its description. */
export function nativeRoutes({ database, outcomes }: NativeRoutesDependencies): MountedRoute[] {
  return [
    ...organisationRoutes({ database }),
    ...workflowRoutes({ database }),
    ...deploymentAdminRoutes({ database }),
    ...pipelineListRoutes({ database }),
    ...executionRoutes({ database, outcomes }),
    ...runListRoutes({ database }),
    ...openApiRoutes(),
  ];
}
