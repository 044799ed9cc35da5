import { apiError } from '@longshore/contracts';
import type { SqlClient } from '../store/database.ts';
import { beginDeliveries, type BegunDeliveries } from './delivery-runs.ts';
import type { NewDeliveriesDependencies } from './new-deliveries.ts';

const MOST_AT_ONCE = 1_000;

export interface ReplayedEndpoint {
  readonly webhookId: string;
  /** Only this one; undefined: all, the oldest first. */
  readonly deliveryId?: string;
}

/**
 * Begins deliveries again that were given up, under their ids. Answers how many.
 * @throws ApiError 404 for one that is not there, 409 for one that was not given up, and while the endpoint is paused
 */
export async function replayDeliveries(
  dependencies: NewDeliveriesDependencies,
  endpoint: ReplayedEndpoint,
  record: (client: SqlClient, replayed: number) => Promise<void>,
): Promise<number> {
  let begun: BegunDeliveries | undefined;
  try {
    const replayed = await dependencies.database.transaction(async (client) => {
      await refusePaused(client, endpoint.webhookId);
      const dead = await lockDead(client, endpoint);
      if (dead.length > 0) begun = await beginDeliveries(client, dependencies, dead);
      await client.query(
        `update webhook_deliveries d set run_id = b.run_id, state = 'pending', ended_at = null, replays = d.replays + 1
           from unnest($1::uuid[], $2::uuid[]) as b (id, run_id) where d.id = b.id`,
        [dead.map(({ deliveryId }) => deliveryId), begun?.runIds ?? []],
      );
      await record(client, dead.length);
      return dead.length;
    });
    begun?.committed();
    return replayed;
  } catch (error) {
    begun?.rolledBack();
    throw error;
  }
}

async function refusePaused(client: SqlClient, webhookId: string): Promise<void> {
  const { rows } = await client.query<{ enabled: boolean }>(
    'select enabled from webhooks where id = $1 for share',
    [webhookId],
  );
  if (rows[0]?.enabled !== true) throw apiError('conflict', 'The webhook is paused: resume it first');
}

async function lockDead(client: SqlClient, { webhookId, deliveryId }: ReplayedEndpoint) {
  const { rows } = await client.query<{ deliveryId: string; organisationId: string; state: string }>(
    `select id as "deliveryId", organisation_id as "organisationId", state from webhook_deliveries
      where webhook_id = $1 and case when $2::uuid is null then state = 'dead' else id = $2 end
      order by id limit ${MOST_AT_ONCE} for update`,
    [webhookId, deliveryId ?? null],
  );
  const [first] = rows;
  if (deliveryId !== undefined && first === undefined) throw apiError('not_found', 'No such delivery');
  if (first !== undefined && first.state !== 'dead') {
    const why = first.state === 'pending' ? 'is on its way' : 'was delivered';
    throw apiError('conflict', `The delivery ${why}: only what was given up is delivered again`);
  }
  return rows;
}
