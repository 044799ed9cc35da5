import { type CreateWebhookRequest, routes, WEBHOOK_EVENTS } from '@longshore/contracts';
import type { Clock } from '@longshore/runtime';
import type { PlatformClient } from '../client/platform-client.ts';
import type { DeadDelivery } from './check-webhooks.ts';
import type { WebhookReceiver } from './webhook-receiver.ts';

/** The webhook of a run of faults, as its platform knows it. */
export interface Endpoint {
  /**
   * Waits until all that was gathered is delivered. What the platform gave up is asked for again, and answered as it was then. Bounded:
   * what is not delivered by then is found by whoever looks at what arrived.
   */
  settle(): Promise<DeadDelivery[]>;
}

export interface EndpointOptions {
  client: PlatformClient;
  receiver: WebhookReceiver;
  clock: Clock;
  signal: AbortSignal;
}

const WINDOW_S = 1;
/** What its processes must be told for it: a receiver on this machine, short windows, pauses and patience. */
export function webhookEnvironment({ host }: Pick<WebhookReceiver, 'host'>): Record<string, string> {
  return {
    WEBHOOK_HOSTS: host,
    WEBHOOK_ALLOW_HTTP: 'true',
    WEBHOOK_MIN_WINDOW: String(WINDOW_S),
    WEBHOOK_TIMEOUT: '2',
    WEBHOOK_RETRY_DELAY: '0.1',
  };
}

/** A delivery whose worker was lost waits until that is given up; five tries take some ten seconds. */
const SETTLES_WITHIN_MS = 90_000;
const LOOK_EVERY_MS = 250;
const ANSWERS_WITHIN_MS = 15_000;

/** Registers the receiver for everything that ends in the organisation of the key. */
export async function createEndpoint({
  client,
  receiver,
  clock,
  signal,
}: EndpointOptions): Promise<Endpoint> {
  const body: CreateWebhookRequest = {
    ...{ name: 'chaos', description: '', url: receiver.url, form: 'standard', events: [...WEBHOOK_EVENTS] },
    ...{ deployments: null, window_seconds: WINDOW_S, enabled: true },
  };
  const { webhook_id: id, secret } = await client.call(routes.createWebhook, { body, signal });
  receiver.trust(secret);
  const within = () => AbortSignal.any([signal, AbortSignal.timeout(ANSWERS_WITHIN_MS)]);
  const refusalsOf = (deliveryId: string) =>
    receiver.requests.filter((request) => request.id === deliveryId && !request.isAnswered).length;

  async function isOnItsWay(): Promise<boolean> {
    const query = { state: 'pending', limit: '1' } as const;
    const { gathered } = await client.call(routes.webhook, { params: { id }, signal: within() });
    const { deliveries } = await client.call(routes.listDeliveries, {
      params: { id },
      query,
      signal: within(),
    });
    return gathered > 0 || deliveries.length > 0;
  }

  /** Each delivery by itself, as it was before it is asked for again. */
  async function reviveDead(dead: DeadDelivery[]): Promise<boolean> {
    const query = { state: 'dead', limit: '100' } as const;
    const { deliveries } = await client.call(routes.listDeliveries, {
      params: { id },
      query,
      signal: within(),
    });
    for (const { delivery_id: deliveryId, last_error: reason } of deliveries) {
      const refusals = refusalsOf(deliveryId);
      const params = { id, delivery_id: deliveryId };
      await client.call(routes.replayDelivery, { params, signal: within() });
      dead.push({ id: deliveryId, reason, refusals });
    }
    return deliveries.length > 0;
  }

  return {
    async settle() {
      const deadline = clock.monotonic() + SETTLES_WITHIN_MS;
      const dead: DeadDelivery[] = [];
      while (clock.monotonic() < deadline) {
        // What cannot be asked now is asked a moment later.
        const isDone = await isOnItsWay()
          .then(async (onItsWay) => !onItsWay && !(await reviveDead(dead)))
          .catch(() => false);
        if (isDone) break;
        await clock.sleep(LOOK_EVERY_MS, signal);
      }
      return dead;
    },
  };
}
