import { TEST_EVENT } from '@longshore/contracts';
import { uuidV7 } from '@longshore/runtime';
import type { Database, SqlClient, Statement } from '../store/database.ts';
import { beginDeliveries, type BegunDeliveries, type DeliveryRunsDependencies } from './delivery-runs.ts';

export interface NewDeliveriesDependencies extends DeliveryRunsDependencies {
  readonly database: Database;
}

/** Endpoints in one transaction at most, and events in one delivery. */
const MOST_ENDPOINTS = 50;
const MOST_EVENTS = 500;
const MOST_ERROR_CHARACTERS = 1_000;

/** The oldest event that waits for the end of its window. */
const OLDEST = `(select e.occurred_at from webhook_events e where e.webhook_id = w.id and e.delivery_id is null order by e.id limit 1)`;

/** Endpoints whose window is over. */
const DUE = `webhooks w
 where w.enabled and ${OLDEST} <= now() - w.window_ms * interval '1 ms'
   and not exists (select 1 from deletions d where d.organisation_id = w.organisation_id)`;

/** Without a transaction, since there is hardly ever one. */
const lookForDue: Statement = {
  name: 'look_for_due_windows',
  text: `select exists (select 1 from ${DUE}) as any`,
};

/** What another backend has in its hands is left to it. */
const lockDue = `
select w.id as "webhookId", w.organisation_id as "organisationId" from ${DUE}
 order by w.id limit ${MOST_ENDPOINTS} for update of w skip locked`;

/** What an event tells: read now, when it is to be told. $1 the delivery, $2 the endpoint. */
const gather = `
update webhook_events v set delivery_id = $1, data = coalesce(
  (select jsonb_strip_nulls(jsonb_build_object(
            'execution_id', x.id, 'kind', d.kind, 'deployment', d.api_name,
            'status', case r.state when 'succeeded' then 'COMPLETED' when 'failed' then 'ERROR' else 'STOPPED' end,
            'tags', to_jsonb(x.tags), 'created_at', x.created_at, 'finished_at', r.finished_at,
            'error', left(r.error ->> 'message', ${MOST_ERROR_CHARACTERS})))
     from executions x left join deployments d on d.id = x.deployment_id left join runs r on r.id = x.id
    where x.id = v.execution_id),
  (select jsonb_strip_nulls(jsonb_build_object(
            'task_id', s.id, 'task', s.task,
            'status', case r.state when 'succeeded' then 'finished' else r.state end,
            'created_at', s.created_at, 'finished_at', r.finished_at,
            'error', left(r.error ->> 'message', ${MOST_ERROR_CHARACTERS})))
     from submitted_tasks s left join runs r on r.id = s.id
    where s.id = v.execution_id),
  jsonb_build_object('execution_id', v.execution_id))
 where v.id = any(array(select e.id from webhook_events e where e.webhook_id = $2 and e.delivery_id is null
                         order by e.id limit ${MOST_EVENTS}))`;

interface Endpoint {
  readonly webhookId: string;
  readonly organisationId: string;
}

interface NewDelivery extends Endpoint {
  readonly deliveryId: string;
  readonly events: number;
  readonly test: boolean;
}

/**
 * Makes a delivery of what each endpoint gathered whose window is over, in one transaction with its run: whatever several backends
 * do, each event is in one delivery. Answers how many there were; when that is none, nothing is due.
 */
export async function closeWindows(dependencies: NewDeliveriesDependencies): Promise<number> {
  const [due] = await dependencies.database.hot<{ any: boolean }>(lookForDue, []);
  if (due?.any !== true) return 0;
  return await withRuns(dependencies, async (client) => {
    const { rows } = await client.query<Endpoint>(lockDue);
    const made: NewDelivery[] = [];
    for (const endpoint of rows) {
      const deliveryId = uuidV7();
      const { rowCount } = await client.query(gather, [deliveryId, endpoint.webhookId]);
      if ((rowCount ?? 0) > 0) made.push({ ...endpoint, deliveryId, events: rowCount!, test: false });
    }
    return made;
  });
}

/** Makes a delivery of one event that tells nothing. Answers its id. */
export async function beginTest(
  dependencies: NewDeliveriesDependencies,
  endpoint: Endpoint,
  record: (client: SqlClient) => Promise<void>,
): Promise<string> {
  const deliveryId = uuidV7();
  await withRuns(dependencies, async (client) => {
    await client.query(
      `insert into webhook_events (webhook_id, organisation_id, type, delivery_id, data) values ($1, $2, $3, $4, '{}')`,
      [endpoint.webhookId, endpoint.organisationId, TEST_EVENT, deliveryId],
    );
    await record(client);
    return [{ ...endpoint, deliveryId, events: 1, test: true }];
  });
  return deliveryId;
}

async function withRuns(
  dependencies: NewDeliveriesDependencies,
  make: (client: SqlClient) => Promise<NewDelivery[]>,
): Promise<number> {
  let begun: BegunDeliveries | undefined;
  try {
    const made = await dependencies.database.transaction(async (client) => {
      const deliveries = await make(client);
      if (deliveries.length === 0) return 0;
      begun = await beginDeliveries(client, dependencies, deliveries);
      await insertDeliveries(client, deliveries, begun.runIds);
      return deliveries.length;
    });
    begun?.committed();
    return made;
  } catch (error) {
    begun?.rolledBack();
    throw error;
  }
}

async function insertDeliveries(
  client: SqlClient,
  deliveries: readonly NewDelivery[],
  runIds: readonly string[],
): Promise<void> {
  const rows = deliveries.map(({ deliveryId: id, webhookId, organisationId, events, test }, index) => {
    return {
      id,
      webhook_id: webhookId,
      organisation_id: organisationId,
      run_id: runIds[index],
      events,
      test,
    };
  });
  await client.query(
    `insert into webhook_deliveries (id, webhook_id, organisation_id, run_id, events, test)
     select id, webhook_id, organisation_id, run_id, events, test
       from jsonb_to_recordset($1::jsonb) as d (id uuid, webhook_id uuid, organisation_id uuid, run_id uuid, events int, test boolean)`,
    [JSON.stringify(rows)],
  );
}
