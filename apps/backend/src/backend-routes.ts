import type { Publisher } from '@longshore/broker';
import { auditRoutes } from './audit/audit-routes.ts';
import type { BackendConfig } from './config.ts';
import { credentialRoutes } from './credentials/credential-routes.ts';
import { adminRoutes } from './deployments/admin-routes.ts';
import { createDefinitions } from './deployments/definitions.ts';
import { createDeployments } from './deployments/deployments.ts';
import { exportRoutes } from './deployments/export.ts';
import { createAccept } from './executions/accept.ts';
import { acceptWhileRoom } from './executions/accept-while-room.ts';
import { createIntake } from './executions/intake.ts';
import { createUrlSource } from './executions/url-source.ts';
import { deploymentRoutes } from './executions/deployment-routes.ts';
import { createOutcomes } from './executions/outcome.ts';
import { failureRoutes } from './failures/failure-routes.ts';
import type { FileStore } from './files/file-store.ts';
import type { MountedRoute } from './http/server.ts';
import type { KeyUse } from './keys/key-use.ts';
import { keyRoutes } from './keys/key-routes.ts';
import type { Model } from './model.ts';
import { nativeRoutes } from './native/native-routes.ts';
import { platformRoutes } from './native/platform.ts';
import { pipelineFileRoutes } from './pipelines/file-routes.ts';
import { pipelineRoutes } from './pipelines/pipeline-routes.ts';
import type { Replay } from './replay/replay-execution.ts';
import { replayRoutes } from './replay/replay-routes.ts';
import { retentionRoutes } from './retention/retention-routes.ts';
import type { CheckSchedule } from './schedules/check-schedule.ts';
import { cancelRoutes } from './runs/cancel-routes.ts';
import { runRoutes } from './runs/run-routes.ts';
import type { Sealing } from './sealing/sealing.ts';
import { workerRoutes } from './sessions/internal-routes.ts';
import type { Database } from './store/database.ts';

const MAX_OUTPUT_BYTES = 100 * 1024 * 1024;

export interface BackendRoutesDependencies {
  readonly config: BackendConfig;
  readonly database: Database;
  readonly store: FileStore;
  readonly sealing: Sealing;
  readonly keyUse: KeyUse;
  readonly model: Model;
  readonly replay: Replay;
  readonly publisher: Publisher;
  readonly checkSchedule: CheckSchedule;
  readonly stopping: AbortSignal;
}

/** Every route of the table with what answers it. */
export function backendRoutes(dependencies: BackendRoutesDependencies): MountedRoute[] {
  const { config, database, store, sealing, keyUse, model, stopping } = dependencies;
  const { dispatcher, catalogue, backendId, contexts, waiters, pools } = model;
  const definitions = createDefinitions(database);
  const outcomes = createOutcomes({ database, store, definitions });
  const deployments = createDeployments(database, keyUse);
  const acceptAlways = createAccept({
    ...{ database, dispatcher, catalogue, backendId, traces: model.traces },
    limits: config,
    remember: contexts.remember,
  });
  const accept = acceptWhileRoom(acceptAlways, model.waitingRuns);
  const uploadLimits = {
    maxFileBytes: config.maxFileBytes,
    maxRequestBytes: config.maxRequestBytes,
    maxFiles: config.maxFilesPerRequest,
    stalledMs: config.uploadStallMs,
  };
  const takeIn = createIntake({
    definitions,
    database,
    store,
    source: createUrlSource(config),
    fetchTimeoutMs: config.presignedUrlTimeoutMs,
    uploadLimits,
    accept,
  });
  return [
    ...workerRoutes(model),
    ...cancelRoutes({ database, cancel: model.cancel }),
    ...runRoutes({ database, store, deployments, maxOutputBytes: MAX_OUTPUT_BYTES }),
    ...deploymentRoutes({
      deployments,
      takeIn: async (deployment, request, response) => {
        // Before its body is read: there may be much of it.
        await model.waitingRuns.refuseWhenFull();
        return await takeIn(deployment, request, response);
      },
      outcomes,
      waiters,
      stopping,
    }),
    ...pipelineRoutes({
      ...{ database, deployments, outcomes, waiters, stopping, accept, uploadLimits },
      maxParallelFiles: config.maxParallelFiles,
    }),
    ...pipelineFileRoutes({ database, store, outcomes, maxFileBytes: config.maxFileBytes }),
    ...nativeRoutes({ database, outcomes }),
    ...platformRoutes({ database, publisher: dependencies.publisher, config }),
    ...failureRoutes({ database }),
    ...replayRoutes({ database, replay: dependencies.replay }),
    ...retentionRoutes({ database, settings: config }),
    ...adminRoutes({ database, pools, sealing, checkSchedule: dependencies.checkSchedule }),
    ...credentialRoutes({ database, sealing }),
    ...exportRoutes({ database }),
    ...keyRoutes({ database }),
    ...auditRoutes({ database }),
  ];
}
