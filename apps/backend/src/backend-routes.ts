import type { BackendConfig } from './config.ts';
import { adminRoutes } from './deployments/admin-routes.ts';
import { createDeployments } from './deployments/deployments.ts';
import { acceptExecutionRequest } from './executions/accept.ts';
import { deploymentRoutes } from './executions/deployment-routes.ts';
import { executionRoutes } from './executions/native-routes.ts';
import { createOutcomes } from './executions/outcome.ts';
import type { FileStore } from './files/file-store.ts';
import type { MountedRoute } from './http/server.ts';
import type { Keys } from './keys/keys.ts';
import type { Model } from './model.ts';
import { runRoutes } from './runs/run-routes.ts';
import { workerRoutes } from './sessions/internal-routes.ts';
import type { Database } from './store/database.ts';

const MAX_OUTPUT_BYTES = 100 * 1024 * 1024;

export interface BackendRoutesDependencies {
  readonly config: BackendConfig;
  readonly database: Database;
  readonly store: FileStore;
  readonly keys: Keys;
  readonly model: Model;
  readonly stopping: AbortSignal;
}

/** Every route of the table with what answers it. */
export function backendRoutes(dependencies: BackendRoutesDependencies): MountedRoute[] {
  const { config, database, store, keys, model, stopping } = dependencies;
  const { dispatcher, catalogue, backendId, contexts, waiters, pools } = model;
  const outcomes = createOutcomes(database, store);
  const deployments = createDeployments(database);
  const acceptDependencies = {
    database,
    dispatcher,
    catalogue,
    backendId,
    limits: config,
    remember: contexts.remember,
  };
  return [
    ...workerRoutes(model),
    ...runRoutes({ database, store, deployments, maxOutputBytes: MAX_OUTPUT_BYTES }),
    ...deploymentRoutes({
      deployments,
      store,
      uploadLimits: {
        maxFileBytes: config.maxFileBytes,
        maxRequestBytes: config.maxRequestBytes,
        maxFiles: config.maxFilesPerRequest,
      },
      accept: (execution) => acceptExecutionRequest(acceptDependencies, execution),
      outcomes,
      waiters,
      stopping,
    }),
    ...executionRoutes({ outcomes }),
    ...adminRoutes({ database, keys, pools }),
  ];
}
