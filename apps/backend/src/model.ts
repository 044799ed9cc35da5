import type { Publisher } from '@longshore/broker';
import { systemClock, uuidV7, type Logger } from '@longshore/runtime';
import { createDispatcher } from './dispatch/dispatcher.ts';
import { createPools } from './dispatch/pools.ts';
import { createTaskCatalogue } from './dispatch/task-catalogue.ts';
import { createExecutionContexts } from './executions/contexts.ts';
import { createExecutionWaiters } from './executions/waiters.ts';
import type { FileStore } from './files/file-store.ts';
import { createAttemptEnds } from './runs/attempt-ends.ts';
import { createCancel } from './runs/cancel.ts';
import { createCancellations } from './runs/cancellations.ts';
import { createClaims } from './runs/claims.ts';
import { createFanOut } from './runs/fan-out.ts';
import { createRunJournal } from './runs/journal.ts';
import { createReports } from './runs/reports.ts';
import { createRunTokens } from './runs/run-tokens.ts';
import { createReconciler } from './sessions/reconciler.ts';
import { createSessions } from './sessions/sessions.ts';
import type { Database } from './store/database.ts';
import { instanceSecret } from './store/instance-secret.ts';

export interface ModelDependencies {
  readonly database: Database;
  readonly publisher: Publisher;
  readonly store: FileStore;
  readonly logger: Logger;
  readonly sessionTimeoutMs: number;
  readonly publicationTimeoutMs: number;
  /** See the reconciler. */
  readonly hearingMs?: number;
}

/** Composes the model: runs, dispatches, sessions and what keeps them true; without HTTP. */
export async function createModel(dependencies: ModelDependencies) {
  const { database, store, logger, sessionTimeoutMs } = dependencies;
  const backendId = uuidV7();
  const tokens = createRunTokens(await instanceSecret(database, 'run_tokens'), systemClock.now);
  const catalogue = createTaskCatalogue(database);
  await catalogue.refresh();
  const pools = createPools({ database, backendId, sessionTimeoutMs });
  const dispatcher = createDispatcher({ ...dependencies, clock: systemClock, pools, catalogue, backendId });
  const waiters = createExecutionWaiters();
  const contexts = createExecutionContexts(database);
  const endAttempts = createAttemptEnds({ database, dispatcher, waiters, backendId });
  const fanOut = createFanOut({ database, dispatcher, catalogue, endAttempts, backendId });
  const cancellations = createCancellations(database, dispatcher);
  const changed = async () => {
    await pools.refresh();
    dispatcher.pumpAll();
  };
  return {
    backendId,
    tokens,
    catalogue,
    pools,
    dispatcher,
    waiters,
    contexts,
    endAttempts,
    /** To be called when sessions may have changed, and now and then: leases, pools, what waits. */
    refresh: changed,
    sessions: createSessions({ database, catalogue, logger, sessionTimeoutMs, changed }),
    claim: createClaims({ database, files: store, contexts, tokens }),
    report: createReports({ tokens, catalogue, endAttempts, cancellations, fanOut }),
    cancel: createCancel({ database, dispatcher, waiters, backendId }),
    journal: createRunJournal({ database, tokens }),
    reconcile: createReconciler({
      ...dependencies,
      clock: systemClock,
      dispatcher,
      pools,
      endAttempts,
      cancellations,
    }),
  };
}
export type Model = Awaited<ReturnType<typeof createModel>>;
