import type { Database } from '../store/database.ts';

const SLICE = 5_000;

/**
 * Removes deliveries that ended so many days ago with their events, and events that nobody will be told of: of endpoints that are
 * gone, and such as were gathered so long ago by one that is paused. 0 days: only what is nobody's. Secrets whose time is over go too.
 */
export async function forgetOldDeliveries(database: Database, days: number): Promise<void> {
  await database.query(
    'update webhooks set earlier_secret = null, earlier_until = null where earlier_until < now()',
  );
  const old = (column: string) => `$1::int > 0 and ${column} < now() - $1 * interval '1 day'`;
  const [row] = await database.query<{ removed: number }>(
    `with gone as (
       delete from webhook_deliveries d where d.id = any(array(
         select id from webhook_deliveries where state <> 'pending' and ${old('ended_at')} limit ${SLICE}))
       returning 1)
     select count(*)::int as removed from gone`,
    [days],
  );
  const [events] = await database.query<{ removed: number }>(
    `with gone as (
       delete from webhook_events v where v.id = any(array(
         select e.id from webhook_events e
          where case when e.delivery_id is null
                     then ${old('e.occurred_at')} or not exists (select 1 from webhooks w where w.id = e.webhook_id)
                     else not exists (select 1 from webhook_deliveries d where d.id = e.delivery_id) end
          limit ${SLICE}))
       returning 1)
     select count(*)::int as removed from gone`,
    [days],
  );
  if (row!.removed === SLICE || events!.removed === SLICE) await forgetOldDeliveries(database, days);
}
