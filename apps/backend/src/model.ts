import type { Publisher } from '@longshore/broker';
import { systemClock, uuidV7, type Logger, type Tracing } from '@longshore/runtime';
import { createBrokerMark } from './dispatch/broker-mark.ts';
import { createDispatcher, type Dispatcher } from './dispatch/dispatcher.ts';
import { createPools } from './dispatch/pools.ts';
import { createTaskCatalogue } from './dispatch/task-catalogue.ts';
import { createWaitingRuns } from './dispatch/waiting-runs.ts';
import { createAnnouncements, type Reactions } from './events/announcements.ts';
import type { Notifications } from './events/notifications.ts';
import { createExecutionContexts } from './executions/contexts.ts';
import { createExecutionWaiters, type ExecutionWaiters } from './executions/waiters.ts';
import type { FileStore } from './files/file-store.ts';
import { createAttemptEnds } from './runs/attempt-ends.ts';
import { createCancel } from './runs/cancel.ts';
import { createCancellations } from './runs/cancellations.ts';
import { createClaims } from './runs/claims.ts';
import { createDeadlines } from './runs/deadlines.ts';
import { createFanOut } from './runs/fan-out.ts';
import { createRunJournal } from './runs/journal.ts';
import { createReports } from './runs/reports.ts';
import { createRunTokens } from './runs/run-tokens.ts';
import { createReconciler } from './sessions/reconciler.ts';
import { createSessions } from './sessions/sessions.ts';
import type { Database } from './store/database.ts';
import { instanceSecret } from './store/instance-secret.ts';
import { createTaskWatch } from './tasks/task-watch.ts';
import { createRunTraces } from './tracing/run-traces.ts';
import { tracePublishing } from './tracing/trace-publishing.ts';

export interface ModelDependencies {
  readonly database: Database;
  readonly publisher: Publisher;
  readonly store: FileStore;
  readonly logger: Logger;
  readonly notifications: Notifications;
  readonly sessionTimeoutMs: number;
  readonly publicationTimeoutMs: number;
  readonly maxWaitingRuns: number;
  /** See the reconciler. */
  readonly hearingMs?: number;
  /** See the claims. */
  readonly waited?: (queue: string, seconds: number) => void;
  readonly tracing?: Tracing | undefined;
}

/** Composes the model: runs, dispatches, sessions and what keeps them true; without HTTP. */
export async function createModel(dependencies: ModelDependencies) {
  const { database, store, logger, sessionTimeoutMs } = dependencies;
  const { traces, publisher } = seenInTraces(dependencies);
  const backendId = uuidV7();
  const tokens = createRunTokens(await instanceSecret(database, 'run_tokens'), systemClock.now);
  const catalogue = createTaskCatalogue(database);
  await catalogue.refresh();
  const pools = createPools({ database, backendId, sessionTimeoutMs });
  const others = createAnnouncements(dependencies);
  const dispatcher = createDispatcher({
    ...{ ...dependencies, publisher, clock: systemClock, pools, catalogue, backendId },
    tellOthers: others.work,
  });
  const waiters = createExecutionWaiters(others.ended);
  const contexts = createExecutionContexts(database);
  const endAttempts = createAttemptEnds({ database, dispatcher, waiters, backendId });
  const fanOut = createFanOut({ database, dispatcher, catalogue, endAttempts, backendId });
  const cancel = createCancel({ database, dispatcher, waiters, backendId });
  const cancellations = createCancellations(database, dispatcher);
  const taskWatch = createTaskWatch(database);
  const changed = async () => {
    await pools.refresh();
    dispatcher.pumpBusy();
  };
  others.listen(reactions({ dispatcher, waiters, changed, logger }));
  return {
    backendId,
    tokens,
    catalogue,
    pools,
    dispatcher,
    waitingRuns: createWaitingRuns({ database, clock: systemClock, most: dependencies.maxWaitingRuns }),
    waiters,
    ...{ contexts, traces },
    endAttempts,
    /** To be called when sessions may have changed, and now and then: leases, pools, what waits. */
    refresh: changed,
    /** Lets other backends lead what this one led, at once. To be called when nothing is published here any more. */
    async release() {
      await pools.release();
      others.released();
      await others.said();
    },
    sessions: createSessions({ database, catalogue, logger, sessionTimeoutMs, changed }),
    claim: createClaims({ database, files: store, contexts, tokens, waited: dependencies.waited, traces }),
    report: createReports({ tokens, catalogue, contexts, endAttempts, cancellations, fanOut }),
    cancel,
    /** Ends the executions whose time is over. To be called again and again. */
    endOverdue: createDeadlines({ database, cancel, logger }),
    markBroker: await createBrokerMark({ database, publisher, clock: systemClock, logger }),
    journal: createRunJournal({ database, tokens, said: taskWatch.said }),
    taskWatch,
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

/** Which trace runs belong to, and a publisher that is part of it, where requests are traced. */
function seenInTraces({ database, publisher, tracing }: ModelDependencies) {
  if (tracing === undefined) return { traces: undefined, publisher };
  const traces = createRunTraces(database, tracing);
  return { traces, publisher: tracePublishing(publisher, tracing, traces) };
}

interface Reacting {
  readonly dispatcher: Dispatcher;
  readonly waiters: ExecutionWaiters;
  readonly changed: () => Promise<void>;
  readonly logger: Logger;
}

/** What is done about the word of other backends. */
function reactions({ dispatcher, waiters, changed, logger }: Reacting): Reactions {
  return {
    work: dispatcher.heard,
    missed: dispatcher.pumpAll,
    ended: waiters.wake,
    released: () =>
      void changed().catch((error: unknown) =>
        logger.warn('Leases were not taken over at once; tried again within a second', { error }),
      ),
  };
}

export type Model = Awaited<ReturnType<typeof createModel>>;
