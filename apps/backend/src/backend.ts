import { createPublisher } from '@longshore/broker';
import { systemClock, type Lifecycle, type Logger, type Tracing } from '@longshore/runtime';
import { backendRoutes } from './backend-routes.ts';
import type { BackendConfig } from './config.ts';
import { createNotifications } from './events/notifications.ts';
import { findEndedExecutions } from './executions/ended.ts';
import { forgetOldKeys } from './executions/idempotency.ts';
import { openFileStore, type FileStore } from './files/file-store.ts';
import { sweepOrphans } from './files/sweeper.ts';
import { createGuard } from './http/guard.ts';
import { createBackendMetrics, type BackendMetrics } from './http/metrics.ts';
import { startHttpServer, type HttpServer } from './http/server.ts';
import { bootstrapCredentials } from './keys/bootstrap.ts';
import { createKeys } from './keys/keys.ts';
import { createModel, type Model } from './model.ts';
import { startPeriodicWork, type PeriodicWork } from './periodic.ts';
import { createTasks } from './tasks/tasks.ts';
import { createReplaying } from './replay/replaying.ts';
import { createSchedules } from './schedules/schedules.ts';
import { retentionWork } from './retention/retention-work.ts';
import { createWebhooks } from './webhooks/webhooks.ts';
import { createDatabase, type Database } from './store/database.ts';
import { migrate } from './store/migrate.ts';
import { openBackendTracing } from './tracing/open-backend-tracing.ts';
import { forgetOldTraces } from './tracing/run-traces.ts';
import { ensurePartitions } from './store/partitions.ts';
import { openSealing } from './sealing/open-sealing.ts';
import { reseal } from './sealing/reseal.ts';
import type { Sealing } from './sealing/sealing.ts';

/** An unclaimed publication is looked after once this time has passed; a wiped broker costs about as much. */
const PUBLICATION_TIMEOUT_MS = 5_000;
const HOUR_MS = 3_600_000;

/** Composes a backend: database, broker, model, periodic work, HTTP. It serves when this resolves. */
export async function startBackend(
  config: BackendConfig,
  lifecycle: Lifecycle,
  plainLogger: Logger,
): Promise<HttpServer> {
  const { logger, tracing, traceRequest } = await openBackendTracing(config, lifecycle, plainLogger);
  const database = createDatabase({ url: config.databaseUrl, logger });
  lifecycle.onStop('database', () => database.close());
  await migrateInPeace(config.databaseUrl, logger);
  await ensurePartitions(database, new Date(systemClock.now()));
  const { sealing, work: sealingWork } = await openSealing({ config, database, logger });
  const store = await openFileStore(config.storageDir);
  const keys = createKeys(database);
  if (config.bootstrapFile !== undefined) {
    await bootstrapCredentials({ database, keys, logger, file: config.bootstrapFile });
  }
  const metrics = createBackendMetrics(database);
  const { waited } = metrics;
  const stores = { config, database, store, sealing, waited, logger, tracing };
  const { model, notifications, publisher } = await openModel(stores, lifecycle);
  const { auditRetentionDays: auditKeptDays, host, port, corsOrigins, trustedProxies } = config;
  const guard = createGuard({ database, notifications, keys, tokens: model.tokens, auditKeptDays, logger });
  const opened = { ...stores, model, notifications, publisher };
  const { subjects, replaying, schedules } = openSubjects(opened, lifecycle);
  lifecycle.onStop('guard', guard.stop);
  lifecycle.onStop(
    'periodic work',
    startPeriodicWork(
      [
        ...periodicWork(database, store, model),
        sealingWork,
        ...retentionWork({ database, store, clock: systemClock, logger }, config),
        ...guard.work,
        ...replaying.work,
        ...subjects.flatMap(({ work }) => work),
      ],
      systemClock,
      logger,
    ),
  );

  const server = await startHttpServer({
    ...{ host, port, corsOrigins, trustedProxies, logger },
    ...{ answered: metrics.answered, traceRequest },
    authenticate: guard.authenticate,
    audit: guard.audit,
    ready: () => (lifecycle.stopping ? { ready: false, reason: 'stopping' } : { ready: true }),
    routes: [
      ...backendRoutes({
        ...{ config, database, store, sealing, keyUse: guard.keyUse, model, replay: replaying.replay },
        ...{ publisher, checkSchedule: schedules.check, stopping: lifecycle.signal },
      }),
      ...subjects.flatMap((subject) => subject.routes),
      ...metrics.routes,
    ],
  });
  lifecycle.onStop('http server', (deadline) => server.close(deadline));
  logger.info('Backend ready', { port: server.port, backend_id: model.backendId });
  return server;
}

interface Stores {
  readonly config: BackendConfig;
  readonly database: Database;
  readonly store: FileStore;
  readonly sealing: Sealing;
  readonly waited: BackendMetrics['waited'];
  readonly logger: Logger;
  readonly tracing: Tracing | undefined;
}

/** The model, and what it publishes and hears by. */
async function openModel({ config, ...stores }: Stores, lifecycle: Lifecycle) {
  const { database, logger } = stores;
  const { brokerUrl, databaseUrl, sessionTimeoutMs, maxWaitingRuns } = config;
  const publisher = createPublisher({ brokerUrl, logger });
  lifecycle.onStop('broker', (deadline) => publisher.close(deadline));
  const notifications = createNotifications({ databaseUrl, database, clock: systemClock, logger });
  lifecycle.onStop('notifications', notifications.stop);
  const settings = { sessionTimeoutMs, publicationTimeoutMs: PUBLICATION_TIMEOUT_MS, maxWaitingRuns };
  const model = await createModel({ ...stores, publisher, notifications, ...settings });
  lifecycle.onStop('dispatcher', async () => {
    await model.dispatcher.stop();
    await model.release();
  });
  return { model, notifications, publisher };
}

type Opened = Pick<Stores, 'config' | 'database' | 'store' | 'sealing' | 'logger'> &
  Awaited<ReturnType<typeof openModel>>;

/** Subjects that bring routes and periodic work of their own. */
function openSubjects(opened: Opened, lifecycle: Lifecycle) {
  const { config, publisher } = opened;
  const broker = { brokerUrl: config.brokerUrl, pingBroker: publisher.ping };
  const tasks = createTasks({ ...opened, ...broker, stopping: lifecycle.signal });
  const schedules = createSchedules(opened);
  lifecycle.onStop('schedules', schedules.stop);
  const replaying = createReplaying({ ...opened, retryTask: tasks.retry });
  return { subjects: [tasks, schedules, createWebhooks(opened)], replaying, schedules };
}

/** Migrations take what time they take, and wait for those of other backends. */
export async function migrateInPeace(url: string, logger: Logger): Promise<void> {
  const database = createDatabase({ url, logger, connections: 1, patience: 'endless' });
  try {
    await migrate(database, logger);
  } finally {
    await database.close();
  }
}

/** Seals by the newest key what older ones sealed. @throws SealingError */
export async function resealAll(config: BackendConfig, logger: Logger): Promise<void> {
  const database = createDatabase({ url: config.databaseUrl, logger, connections: 2 });
  try {
    await reseal({ config, database, logger });
  } finally {
    await database.close();
  }
}

function periodicWork(database: Database, store: FileStore, model: Model): PeriodicWork[] {
  const { waiters } = model;
  return [
    { label: 'pools', everyMs: 1_000, run: model.refresh },
    { label: 'reconciler', everyMs: 1_000, run: model.reconcile },
    { label: 'deadlines', everyMs: 1_000, run: model.endOverdue },
    { label: 'queue depths', everyMs: 2_000, run: model.waitingRuns.measure },
    {
      label: 'waiters',
      everyMs: 1_000,
      run: async () => waiters.wake(await findEndedExecutions(database, waiters.awaited())),
    },
    { label: 'task catalogue', everyMs: 5_000, run: model.catalogue.refresh },
    {
      label: 'orphan sweeper',
      everyMs: HOUR_MS,
      run: () => sweepOrphans(database, store, systemClock.now()),
    },
    {
      label: 'idempotency keys',
      everyMs: HOUR_MS,
      run: () => forgetOldKeys(database),
    },
    { label: 'traces', everyMs: HOUR_MS, run: () => forgetOldTraces(database) },
    {
      label: 'partitions',
      everyMs: HOUR_MS,
      run: () => ensurePartitions(database, new Date(systemClock.now())),
    },
  ];
}
