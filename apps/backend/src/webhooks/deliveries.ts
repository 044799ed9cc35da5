import {
  apiError,
  type ListDeliveriesQuery,
  type WebhookDelivery,
  type WebhookDeliveryDetail,
} from '@longshore/contracts';
import { z } from 'zod';
import { decodeCursor, pageOf } from '../native/paging.ts';
import type { Database } from '../store/database.ts';
import { sentEvent, type StoredEvent } from './delivery-body.ts';

interface DeliveryRow {
  readonly id: string;
  readonly state: WebhookDelivery['state'];
  readonly test: boolean;
  readonly events: number;
  readonly tries: number;
  readonly replays: number;
  readonly last_error: string | null;
  readonly created_at: Date;
  readonly ended_at: Date | null;
}

/** What is on its way is told by its run, as far as that has come. */
const SHOWN = `
select d.id, d.state, d.test, d.events, d.replays, d.created_at, d.ended_at,
       d.tries + case when d.state = 'pending' then coalesce(r.attempts, 0) else 0 end as tries,
       coalesce(case when d.state = 'pending' then t.error ->> 'message' end, d.last_error) as last_error
  from webhook_deliveries d
  left join lateral (select attempts from runs where runs.id = d.run_id offset 0) r on true
  left join lateral (select error from attempts a where a.run_id = d.run_id and a.error is not null
                      order by a.epoch desc limit 1) t on true`;

function deliveryOf(row: DeliveryRow): WebhookDelivery {
  const { id, created_at, ended_at, state, test, events, tries, replays, last_error } = row;
  return {
    delivery_id: id,
    ...{ state, test, events, tries, replays, last_error },
    created_at: created_at.toISOString(),
    ended_at: ended_at?.toISOString() ?? null,
  };
}

const cursorKey = z.tuple([z.uuid()]);

/** A page of the deliveries of an endpoint, newest first. */
export async function listDeliveries(
  database: Database,
  webhookId: string,
  { limit, cursor, state }: ListDeliveriesQuery,
): Promise<{ deliveries: WebhookDelivery[]; next_cursor: string | null }> {
  const [before] = decodeCursor(cursor, cursorKey) ?? [null];
  const rows = await database.query<DeliveryRow & Record<string, unknown>>(
    `${SHOWN} where d.webhook_id = $1 and ($2::uuid is null or d.id < $2) and ($3::text is null or d.state = $3)
      order by d.id desc limit $4`,
    [webhookId, before, state ?? null, limit + 1],
  );
  const { items, next_cursor } = pageOf(rows, limit, (row) => [row.id]);
  return { deliveries: items.map(deliveryOf), next_cursor };
}

/** @throws ApiError 404 */
export async function readDelivery(
  database: Database,
  webhookId: string,
  deliveryId: string,
): Promise<WebhookDeliveryDetail> {
  const [row] = await database.query<DeliveryRow & Record<string, unknown>>(
    `${SHOWN} where d.webhook_id = $1 and d.id = $2`,
    [webhookId, deliveryId],
  );
  if (row === undefined) throw apiError('not_found', 'No such delivery');
  const content = (await eventsOf(database, deliveryId)).map(sentEvent);
  return { ...deliveryOf(row), content };
}

/** In the order in which they happened. Their data are read once and stay, so each try sends the same. */
export async function eventsOf(database: Database, deliveryId: string): Promise<StoredEvent[]> {
  return await database.query<StoredEvent & Record<string, unknown>>(
    `select id::text, type, occurred_at as "occurredAt", data from webhook_events where delivery_id = $1 order by webhook_events.id`,
    [deliveryId],
  );
}
