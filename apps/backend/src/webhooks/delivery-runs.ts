import { coreWorkers, DELIVER_WEBHOOK } from '@longshore/contracts';
import { uuidV7 } from '@longshore/runtime';
import type { Dispatcher, WrittenDispatch } from '../dispatch/dispatcher.ts';
import type { SqlClient } from '../store/database.ts';

/** A delivery that is to be begun, or begun again. */
export interface WantedDelivery {
  readonly deliveryId: string;
  readonly organisationId: string;
}

/** What is to be done once the transaction has ended, whichever way. */
export interface BegunDeliveries {
  /** The run of each, in order. */
  readonly runIds: readonly string[];
  committed(): void;
  rolledBack(): void;
}

export interface DeliveryRunsDependencies {
  readonly dispatcher: Dispatcher;
  readonly backendId: string;
}

const [QUEUE] = coreWorkers.general.queues;
/** As the task says it, which no worker need have told before: five tries; what is late by a minute is ended. */
const POLICY = { max_attempts: 5, soft_limit_ms: 60_000, hard_limit_ms: 120_000 };

/** $1 [run]; $2 this backend's id; $3 time until an unclaimed publication is looked after, ms. */
const writeRuns = `
with item as (
  select i.* from rows from (jsonb_to_recordset($1::jsonb) as (
           id uuid, organisation_id uuid, delivery_id uuid, task text, queue text, max_attempts int, soft_limit_ms bigint,
           hard_limit_ms bigint, dispatch_id uuid, pool text, term bigint)) with ordinality
         as i (id, organisation_id, delivery_id, task, queue, max_attempts, soft_limit_ms, hard_limit_ms, dispatch_id, pool, term, place)
), made as (
  insert into runs (id, organisation_id, root_id, task, queue, input, max_attempts, soft_limit_ms, hard_limit_ms, dispatch_id)
  select id, organisation_id, id, task, queue, jsonb_build_object('delivery_id', delivery_id), max_attempts, soft_limit_ms,
         hard_limit_ms, dispatch_id
    from item order by place
), live as (
  insert into live_executions (id, organisation_id, kind) select id, organisation_id, 'webhook' from item order by place
), dispatched as (
  insert into dispatches (id, organisation_id, task, queue, priority, run_ids, remaining, ready, due, pool, publications)
  select p.dispatch_id, p.organisation_id, p.task, p.queue, 0, p.run_ids, cardinality(p.run_ids), true,
         now() + (case when l.pool is null then 0 else $3::float8 end) * interval '1 ms',
         l.pool, case when l.pool is null then 0 else 1 end
    from (select dispatch_id, organisation_id, task, queue, pool, term, array_agg(id order by place) as run_ids
            from item group by dispatch_id, organisation_id, task, queue, pool, term) p
    left join lateral (
      select pool_leases.pool from pool_leases
       where pool_leases.pool = p.pool and pool_leases.holder = $2::uuid and pool_leases.term = p.term
         and pool_leases.expires_at > now()) l on true
   order by p.dispatch_id
  returning id, pool, queue, task, run_ids, ready
)
select jsonb_build_object('id', id, 'pool', pool, 'queue', queue, 'task', task, 'run_ids', run_ids, 'ready', ready) as dispatched
  from dispatched`;

/** Writes a run for each of these deliveries, with the caller's transaction. */
export async function beginDeliveries(
  client: SqlClient,
  { dispatcher, backendId }: DeliveryRunsDependencies,
  wanted: readonly WantedDelivery[],
): Promise<BegunDeliveries> {
  const kinds = wanted.map(({ organisationId }) => ({ task: DELIVER_WEBHOOK, queue: QUEUE, organisationId }));
  const plan = dispatcher.planParcels(kinds);
  const runIds = wanted.map(() => uuidV7());
  const rows = wanted.map(({ deliveryId, organisationId }, index) => {
    const dispatchId = plan.dispatchIds[index]!;
    const { pool = null, term = null } = plan.targets[dispatchId] ?? {};
    return {
      ...{ id: runIds[index], organisation_id: organisationId, delivery_id: deliveryId },
      ...{ task: DELIVER_WEBHOOK, queue: QUEUE, ...POLICY, dispatch_id: dispatchId, pool, term },
    };
  });
  try {
    const values = [JSON.stringify(rows), backendId, dispatcher.publicationTimeoutMs];
    const written = await client.query<{ dispatched: WrittenDispatch }>(writeRuns, values);
    return {
      runIds,
      committed() {
        plan.release();
        dispatcher.committed(
          written.rows.map(({ dispatched }) => dispatched),
          {},
        );
      },
      rolledBack: plan.release,
    };
  } catch (error) {
    plan.release();
    throw error;
  }
}
