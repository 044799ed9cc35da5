import { createPublisher } from '@longshore/broker';
import { systemClock, type Lifecycle, type Logger } from '@longshore/runtime';
import { backendRoutes } from './backend-routes.ts';
import type { BackendConfig } from './config.ts';
import { measureQueueDepths } from './dispatch/queue-depths.ts';
import { findEndedExecutions } from './executions/ended.ts';
import { forgetOldKeys } from './executions/idempotency.ts';
import { openFileStore, type FileStore } from './files/file-store.ts';
import { sweepOrphans } from './files/sweeper.ts';
import { createGuard } from './http/guard.ts';
import { createBackendMetrics } from './http/metrics.ts';
import { startHttpServer, type HttpServer } from './http/server.ts';
import { bootstrapCredentials } from './keys/bootstrap.ts';
import { createKeys } from './keys/keys.ts';
import { createModel, type Model } from './model.ts';
import { startPeriodicWork, type PeriodicWork } from './periodic.ts';
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
  await migrate(database, logger);
  await ensurePartitions(database, new Date(systemClock.now()));
  const store = await openFileStore(config.storageDir);
  const keys = createKeys(database);
  if (config.bootstrapFile !== undefined) {
    await bootstrapCredentials({ database, keys, logger, file: config.bootstrapFile });
  }
  const publisher = createPublisher({ brokerUrl: config.brokerUrl, logger });
  lifecycle.onStop('broker', (deadline) => publisher.close(deadline));
  const { databaseUrl, sessionTimeoutMs, auditRetentionDays: auditKeptDays } = config;
  const timeouts = { sessionTimeoutMs, publicationTimeoutMs: PUBLICATION_TIMEOUT_MS };
  const model = await createModel({ database, publisher, store, logger, ...timeouts });
  const guard = createGuard({ database, databaseUrl, keys, tokens: model.tokens, auditKeptDays, logger });
  lifecycle.onStop('guard', guard.stop);
  lifecycle.onStop('dispatcher', async () => {
    await model.dispatcher.stop();
    await model.pools.release();
  });
  lifecycle.onStop(
    'periodic work',
    startPeriodicWork(
      [
        ...periodicWork(database, store, model),
        ...retentionWork({ database, store, clock: systemClock, logger }, config),
        ...guard.work,
      ],
      systemClock,
      logger,
    ),
  );

  const metrics = createBackendMetrics(database);
  const server = await startHttpServer({
    answered: metrics.answered,
    host: config.host,
    port: config.port,
    corsOrigins: config.corsOrigins,
    logger,
    trustedProxies: config.trustedProxies,
    authenticate: guard.authenticate,
    audit: guard.audit,
    ready: () => (lifecycle.stopping ? { ready: false, reason: 'stopping' } : { ready: true }),
    routes: [
      ...backendRoutes({ config, database, store, keyUse: guard.keyUse, model, stopping: lifecycle.signal }),
      ...metrics.routes,
    ],
  });
  lifecycle.onStop('http server', (deadline) => server.close(deadline));
  logger.info('Backend ready', { port: server.port, backend_id: model.backendId });
  return server;
}

function periodicWork(database: Database, store: FileStore, model: Model): PeriodicWork[] {
  const { waiters } = model;
  return [
    { label: 'pools', everyMs: 1_000, run: model.refresh },
    { label: 'reconciler', everyMs: 1_000, run: model.reconcile },
    { label: 'queue depths', everyMs: 2_000, run: () => measureQueueDepths(database) },
    {
      label: 'waiters',
      everyMs: 1_000,
      run: async () => waiters.ended(await findEndedExecutions(database, waiters.awaited())),
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
