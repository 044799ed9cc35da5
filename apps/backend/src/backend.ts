import { createPublisher } from '@longshore/broker';
import { systemClock, type Lifecycle, type Logger } from '@longshore/runtime';
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
import { createDatabase, type Database } from './store/database.ts';
import { migrate } from './store/migrate.ts';
import { ensurePartitions } from './store/partitions.ts';

/** An unclaimed publication is looked after once this time has passed; a wiped broker costs about as much. */
const PUBLICATION_TIMEOUT_MS = 5_000;
const HOUR_MS = 3_600_000;

/** Composes a backend: database, broker, model, periodic work, HTTP. It serves when this resolves. */
export async function startBackend(
  config: BackendConfig,
  lifecycle: Lifecycle,
  logger: Logger,
): Promise<HttpServer> {
  const database = createDatabase({ url: config.databaseUrl, logger });
  lifecycle.onStop('database', () => database.close());
  await migrateInPeace(config.databaseUrl, logger);
  await ensurePartitions(database, new Date(systemClock.now()));
  const store = await openFileStore(config.storageDir);
  const keys = createKeys(database);
  if (config.bootstrapFile !== undefined) {
    await bootstrapCredentials({ database, keys, logger, file: config.bootstrapFile });
  }
  const metrics = createBackendMetrics(database);
  const { waited } = metrics;
  const stores = { config, database, store, waited, logger };
  const { model, notifications, publisher } = await openModel(stores, lifecycle);
  const { auditRetentionDays: auditKeptDays, host, port, corsOrigins, trustedProxies } = config;
  const guard = createGuard({ database, notifications, keys, tokens: model.tokens, auditKeptDays, logger });
  const opened = { ...stores, model, notifications, publisher };
  const { tasks, replaying, schedules } = openSubjects(opened, lifecycle);
  lifecycle.onStop('guard', guard.stop);
  lifecycle.onStop(
    'periodic work',
    startPeriodicWork(
      [
        ...periodicWork(database, store, model),
        ...retentionWork({ database, store, clock: systemClock, logger }, config),
        ...guard.work,
        ...replaying.work,
        ...tasks.work,
        ...schedules.work,
      ],
      systemClock,
      logger,
    ),
  );

  const server = await startHttpServer({
    ...{ host, port, corsOrigins, trustedProxies, logger },
    answered: metrics.answered,
    authenticate: guard.authenticate,
    audit: guard.audit,
    ready: () => (lifecycle.stopping ? { ready: false, reason: 'stopping' } : { ready: true }),
    routes: [
      ...backendRoutes({
        ...{ config, database, store, keyUse: guard.keyUse, model, replay: replaying.replay },
        ...{ publisher, checkSchedule: schedules.check, stopping: lifecycle.signal },
      }),
      ...tasks.routes,
      ...schedules.routes,
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
  readonly waited: BackendMetrics['waited'];
  readonly logger: Logger;
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

type Opened = Pick<Stores, 'config' | 'database' | 'store' | 'logger'> &
  Awaited<ReturnType<typeof openModel>>;

/** Subjects that bring routes and periodic work of their own. */
function openSubjects(opened: Opened, lifecycle: Lifecycle) {
  const { config, publisher } = opened;
  const broker = { brokerUrl: config.brokerUrl, pingBroker: publisher.ping };
  const tasks = createTasks({ ...opened, ...broker, stopping: lifecycle.signal });
  const schedules = createSchedules(opened);
  lifecycle.onStop('schedules', schedules.stop);
  return { tasks, replaying: createReplaying({ ...opened, retryTask: tasks.retry }), schedules };
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
    {
      label: 'partitions',
      everyMs: HOUR_MS,
      run: () => ensurePartitions(database, new Date(systemClock.now())),
    },
  ];
}
