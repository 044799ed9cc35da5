import type { Database, SqlClient } from '../store/database.ts';
import { deleteInSlices } from '../store/delete-in-slices.ts';

/** Their events, up to 500 each, go in the same statement. */
const DELIVERIES_AT_ONCE = 200;
const EVENTS_AT_ONCE = 5_000;

const OLD_DELIVERIES = `
delete from webhook_deliveries where id = any(array(
  select id from webhook_deliveries
   where state <> 'pending' and $1::int > 0 and ended_at < now() - $1 * interval '1 day' limit ${DELIVERIES_AT_ONCE}))`;
const OLD_GATHERED = `
delete from webhook_events where id = any(array(
  select id from webhook_events
   where delivery_id is null and $1::int > 0 and occurred_at < now() - $1 * interval '1 day' limit ${EVENTS_AT_ONCE}))`;

const DELIVERIES_OF = `
delete from webhook_deliveries where id = any(array(
  select id from webhook_deliveries where webhook_id = $1 limit ${DELIVERIES_AT_ONCE}))`;
const GATHERED_OF = `
delete from webhook_events where id = any(array(
  select id from webhook_events where webhook_id = $1 and delivery_id is null limit ${EVENTS_AT_ONCE}))`;

/** The endpoints that a table names and that are gone: from one to the next by its index, however many rows each has. */
const goneIn = (table: string, condition: string) => `
with recursive named (id) as (
  (select webhook_id from ${table} where ${condition} order by webhook_id limit 1)
  union all
  select (select webhook_id from ${table} where ${condition} and webhook_id > named.id order by webhook_id limit 1)
    from named where named.id is not null
)
select id from named where id is not null and not exists (select from webhooks w where w.id = named.id)`;

/**
 * Removes deliveries that ended so many days ago with their events, and events that nobody will be told of: of endpoints that are
 * gone, and such as were gathered so long ago by one that is paused. 0 days: only what is nobody's. Secrets whose time is over go too. What
 * stays is not looked at, however much it is.
 */
export async function forgetOldDeliveries(database: Database, days: number): Promise<void> {
  await database.query(
    'update webhooks set earlier_secret = null, earlier_until = null where earlier_until < now()',
  );
  await deleteInSlices(database, OLD_DELIVERIES, days, DELIVERIES_AT_ONCE);
  await deleteInSlices(database, OLD_GATHERED, days, EVENTS_AT_ONCE);
  for (const { id } of await database.query<{ id: string }>(goneIn('webhook_deliveries', 'true')))
    await deleteInSlices(database, DELIVERIES_OF, id, DELIVERIES_AT_ONCE);
  for (const { id } of await database.query<{ id: string }>(goneIn('webhook_events', 'delivery_id is null')))
    await deleteInSlices(database, GATHERED_OF, id, EVENTS_AT_ONCE);
}

/** Deletes an endpoint with what it needs to be told no more; where that is much, the rest is left to {@link forgetOldDeliveries}. */
export async function deleteWebhook(client: SqlClient, id: string): Promise<void> {
  await client.query('delete from webhooks where id = $1', [id]);
  await client.query(DELIVERIES_OF, [id]);
  await client.query(GATHERED_OF, [id]);
}
