import type { Logger } from '@longshore/runtime';
import type { BackendConfig } from '../config.ts';
import { createDefinitions } from '../deployments/definitions.ts';
import { acceptWhileRoom } from '../executions/accept-while-room.ts';
import { createAccept } from '../executions/accept.ts';
import type { FileStore } from '../files/file-store.ts';
import type { Model } from '../model.ts';
import type { PeriodicWork } from '../periodic.ts';
import type { Database } from '../store/database.ts';
import type { RetryTask } from '../tasks/tasks.ts';
import { createReplay, type Replay } from './replay-execution.ts';
import { replayWork } from './replay-work.ts';

export interface ReplayingDependencies {
  readonly config: BackendConfig;
  readonly database: Database;
  readonly store: FileStore;
  readonly model: Model;
  readonly retryTask: RetryTask;
  readonly logger: Logger;
}

/** Composes replays: how one execution is run again, and the work that carries on with many. */
export function createReplaying({
  config,
  database,
  store,
  model,
  retryTask,
  logger,
}: ReplayingDependencies): {
  readonly replay: Replay;
  readonly work: PeriodicWork[];
} {
  const { dispatcher, catalogue, backendId, contexts } = model;
  const accept = createAccept({
    ...{ database, dispatcher, catalogue, backendId, limits: config },
    remember: contexts.remember,
  });
  const replay = createReplay({
    database,
    store,
    definitions: createDefinitions(database),
    accept: acceptWhileRoom(accept, model.waitingRuns),
    retainUploadsHours: config.retainUploadsHours,
  });
  return { replay, work: replayWork({ database, replay, retryTask, backendId, logger }) };
}
