import type { Metrics } from '@longshore/runtime';
import { gaugesOf } from '../http/gauges.ts';
import type { Database } from '../store/database.ts';

interface Row extends Record<string, unknown> {
  readonly pending: number;
  readonly dead: number;
  readonly delivered_lately: number;
  readonly dead_lately: number;
  readonly oldest_age_s: number;
}

/** Counts deliveries of webhooks as the database knows them, tests left out: every backend tells the same. */
export function measureWebhooks(metrics: Metrics, database: Database): void {
  const gauge = gaugesOf(metrics, () => readDeliveries(database));
  gauge({
    name: 'longshore_webhook_deliveries',
    help: 'Deliveries of webhooks: pending (on their way, or before their next try), dead (given up, and kept).',
    labelNames: ['state'],
    lines: ({ pending, dead }) => [
      [{ state: 'pending' }, pending],
      [{ state: 'dead' }, dead],
    ],
  });
  gauge({
    name: 'longshore_webhook_ended_deliveries',
    help: 'Deliveries of webhooks that ended within ten minutes: delivered, or dead.',
    labelNames: ['outcome'],
    lines: ({ delivered_lately, dead_lately }) => [
      [{ outcome: 'delivered' }, delivered_lately],
      [{ outcome: 'dead' }, dead_lately],
    ],
  });
  gauge({
    name: 'longshore_webhook_oldest_age_seconds',
    help: 'For how long the oldest event of an enabled webhook has not been delivered; 0 when none waits.',
    labelNames: [],
    lines: ({ oldest_age_s }) => [[{}, oldest_age_s]],
  });
}

/**
 * What is on its way is found by what is live, what has ended by the index on its end: history that is kept costs nothing. An event that
 * waits is in no delivery, or in one that is on its way. What was given up of an endpoint that is gone is nobody's matter any more.
 */
function readDeliveries(database: Database): Promise<Row[]> {
  return database.query<Row>(
    `with pending as materialized (
       select d.id from live_executions l join webhook_deliveries d on d.run_id = l.id
        where l.kind = 'webhook' and not d.test
     ), lately as materialized (
       select state from webhook_deliveries
        where state <> 'pending' and ended_at > now() - interval '10 minutes' and not test
     ), oldest as materialized (
       select (select e.occurred_at from webhook_events e where e.delivery_id = p.id order by e.id limit 1) as occurred_at from pending p
       union all
       select (select e.occurred_at from webhook_events e where e.webhook_id = w.id and e.delivery_id is null order by e.id limit 1)
         from webhooks w where w.enabled)
     select (select count(*)::int from pending) as pending,
            (select count(*)::int from webhook_deliveries d
              where state = 'dead' and not test and exists (select from webhooks w where w.id = d.webhook_id)) as dead,
            (select count(*)::int from lately where state = 'delivered') as delivered_lately,
            (select count(*)::int from lately where state = 'dead') as dead_lately,
            (select coalesce(extract(epoch from now() - min(occurred_at)), 0)::float8 from oldest) as oldest_age_s`,
  );
}
