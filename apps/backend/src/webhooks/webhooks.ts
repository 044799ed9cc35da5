import { createWebhookSender } from '@longshore/connectors';
import type { BackendConfig } from '../config.ts';
import type { MountedRoute } from '../http/server.ts';
import type { Model } from '../model.ts';
import type { PeriodicWork } from '../periodic.ts';
import type { Sealing } from '../sealing/sealing.ts';
import type { Database } from '../store/database.ts';
import { forgetOldDeliveries } from './forget-webhooks.ts';
import { closeWindows } from './new-deliveries.ts';
import { webhookRoutes } from './webhook-routes.ts';

export interface WebhooksDependencies {
  readonly config: BackendConfig;
  readonly database: Database;
  readonly sealing: Sealing;
  readonly model: Model;
}

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;

/** Composes webhooks: their routes, the end of their windows, and what is forgotten of them. */
export function createWebhooks({ config, database, sealing, model }: WebhooksDependencies): {
  readonly routes: MountedRoute[];
  readonly work: PeriodicWork[];
} {
  const { dispatcher, backendId } = model;
  const deliveries = { database, dispatcher, backendId };
  const sender = createWebhookSender({ hosts: config.webhookHosts, allowHttp: config.webhookAllowHttp });
  const rules = { sender, leastWindowMs: config.webhookLeastWindowMs };
  return {
    routes: webhookRoutes({ ...deliveries, sealing, rules }),
    work: [
      {
        label: 'windows of webhooks',
        everyMs: SECOND_MS,
        async run(signal) {
          while (!signal.aborted && (await closeWindows(deliveries)) > 0);
        },
      },
      {
        label: 'deliveries of webhooks',
        everyMs: HOUR_MS,
        run: () => forgetOldDeliveries(database, config.retainResultsDays),
      },
    ],
  };
}
