import { routes, type ChangeWebhookRequest, type Webhook } from '@longshore/contracts';
import type { Act } from '../audit/request-audit.ts';
import type { Caller } from '../http/auth.ts';
import { handle, type MountedRoute } from '../http/server.ts';
import { oneOrganisation, visibleOrganisations } from '../native/visible-organisations.ts';
import type { Sealing } from '../sealing/sealing.ts';
import type { SqlClient } from '../store/database.ts';
import { listDeliveries, readDelivery } from './deliveries.ts';
import { deleteWebhook } from './forget-webhooks.ts';
import { beginTest, type NewDeliveriesDependencies } from './new-deliveries.ts';
import { replayDeliveries } from './replay-deliveries.ts';
import { holdWebhook, listWebhooks, readWebhook, viewOf, type HeldWebhook } from './stored-webhooks.ts';
import { webhookCall } from './webhook-call.ts';
import {
  insertWebhook,
  refuseForbidden,
  rotateSecret,
  updateWebhook,
  type WebhookRules,
} from './write-webhook.ts';

export interface WebhookRoutesDependencies extends NewDeliveriesDependencies {
  readonly sealing: Sealing;
  readonly rules: WebhookRules;
}

/** `/api/v1/webhooks`, and what the runs that deliver ask for. */
export function webhookRoutes(dependencies: WebhookRoutesDependencies): MountedRoute[] {
  const { database } = dependencies;
  return [
    handle(routes.listWebhooks, async ({ query, caller }) => {
      const visible = await visibleOrganisations(database, caller, query.organisation);
      const ids = visible.map(({ id }) => id);
      return await listWebhooks(dependencies, ids, query);
    }),
    handle(routes.webhook, async ({ params, caller }) => shown(dependencies, params.id, caller)),
    ...endpointRoutes(dependencies),
    ...deliveryRoutes(dependencies),
    handle(routes.webhookCall, async ({ params, caller }) => webhookCall(dependencies, params.id, caller)),
  ];
}

/** What changes endpoints. */
function endpointRoutes(dependencies: WebhookRoutesDependencies): MountedRoute[] {
  const { database, sealing, rules } = dependencies;
  return [
    handle(routes.createWebhook, async ({ body, caller, response, act }) => {
      const { id: organisationId } = await oneOrganisation(database, caller, body.organisation);
      refuseForbidden(rules, body);
      const { id, secret } = await database.transaction(async (client) => {
        const made = await insertWebhook(client, sealing, { ...body, organisationId });
        await act.record(client, { target: body.name, organisationId, detail: { webhook_id: made.id } });
        return made;
      });
      response.status(201);
      return { ...(await shown(dependencies, id, caller)), secret };
    }),
    handle(routes.changeWebhook, async ({ params, body, caller, act }) => {
      refuseForbidden(rules, body);
      return await change(dependencies, { id: params.id, caller, act }, body);
    }),
    handle(routes.pauseWebhook, async ({ params, caller, act }) =>
      change(dependencies, { id: params.id, caller, act }, { enabled: false }),
    ),
    handle(routes.resumeWebhook, async ({ params, caller, act }) =>
      change(dependencies, { id: params.id, caller, act }, { enabled: true }),
    ),
    handle(routes.rotateWebhook, async ({ params: { id }, body, caller, act }) => {
      const overlapSeconds = body.overlap_seconds;
      const secret = await holding(dependencies, { id, caller, act }, (client, held) =>
        rotateSecret(client, sealing, { held, overlapSeconds }),
      );
      return { ...(await shown(dependencies, id, caller)), secret };
    }),
    handle(routes.deleteWebhook, async ({ params: { id }, caller, act }) => {
      await holding(dependencies, { id, caller, act }, (client) => deleteWebhook(client, id));
      return { status: 'ok' as const };
    }),
  ];
}

/** What is about deliveries. */
function deliveryRoutes(dependencies: WebhookRoutesDependencies): MountedRoute[] {
  const { database } = dependencies;
  return [
    handle(routes.testWebhook, async ({ params: { id }, caller, act, response }) => {
      const { name, organisation_id: organisationId } = await readWebhook(database, id, caller);
      const deliveryId = await beginTest(dependencies, { webhookId: id, organisationId }, (client) =>
        act.record(client, { target: name, organisationId }),
      );
      response.status(201);
      return await readDelivery(database, id, deliveryId);
    }),
    handle(routes.listDeliveries, async ({ params, query, caller }) => {
      await readWebhook(database, params.id, caller);
      return await listDeliveries(database, params.id, query);
    }),
    handle(routes.delivery, async ({ params, caller }) => {
      await readWebhook(database, params.id, caller);
      return await readDelivery(database, params.id, params.delivery_id);
    }),
    handle(routes.replayDelivery, async ({ params, caller, act }) => {
      const { name, organisation_id: organisationId } = await readWebhook(database, params.id, caller);
      const { id: webhookId, delivery_id: deliveryId } = params;
      await replayDeliveries(dependencies, { webhookId, deliveryId }, (client) =>
        act.record(client, { target: name, organisationId, detail: { delivery_id: deliveryId } }),
      );
      return await readDelivery(database, webhookId, deliveryId);
    }),
    handle(routes.replayDeliveries, async ({ params: { id }, caller, act }) => {
      const { name, organisation_id: organisationId } = await readWebhook(database, id, caller);
      const replayed = await replayDeliveries(dependencies, { webhookId: id }, (client, count) =>
        act.record(client, { target: name, organisationId, detail: { replayed: count } }),
      );
      return { replayed };
    }),
  ];
}

interface Asked {
  readonly id: string;
  readonly caller: Caller;
  readonly act: Act;
}

async function shown(
  { database, sealing }: WebhookRoutesDependencies,
  id: string,
  caller: Caller,
): Promise<Webhook> {
  return viewOf(sealing, await readWebhook(database, id, caller));
}

async function change(
  dependencies: WebhookRoutesDependencies,
  asked: Asked,
  body: ChangeWebhookRequest,
): Promise<Webhook> {
  await holding(dependencies, asked, (client, held) =>
    updateWebhook(client, dependencies.sealing, { held, change: body }),
  );
  return await shown(dependencies, asked.id, asked.caller);
}

/** Does something to a webhook that nobody else changes meanwhile, and says so in the audit log. */
async function holding<T>(
  { database }: WebhookRoutesDependencies,
  { id, caller, act }: Asked,
  work: (client: SqlClient, held: HeldWebhook) => Promise<T>,
): Promise<T> {
  return await database.transaction(async (client) => {
    const held = await holdWebhook(client, id, caller);
    const done = await work(client, held);
    await act.record(client, { target: held.name, organisationId: held.organisationId });
    return done;
  });
}
