import { apiError, DELIVER_WEBHOOK, type Webhook, type WebhookCall } from '@longshore/contracts';
import type { Caller } from '../http/auth.ts';
import { contextOf, earlierWebhookSecret, webhookSecret, webhookUrl } from '../sealing/sealed-columns.ts';
import type { Sealing } from '../sealing/sealing.ts';
import type { Database } from '../store/database.ts';
import { eventsOf } from './deliveries.ts';
import { deliveryBody } from './delivery-body.ts';
import { signedHeaders } from './signing.ts';

interface CallRow {
  readonly deliveryId: string;
  readonly webhookId: string;
  readonly form: Webhook['form'];
  readonly url: string;
  readonly secret: string;
  /** Null once its time is over. */
  readonly earlierSecret: string | null;
  readonly sends: boolean;
  readonly now: Date;
}

/**
 * What a run of `webhook.deliver` is to send now: signed here, so that no secret leaves the backend, and at the time of this try.
 * @throws ApiError for whoever is not that run
 */
export async function webhookCall(
  { database, sealing }: { database: Database; sealing: Sealing },
  runId: string,
  caller: Caller,
): Promise<WebhookCall> {
  if (caller.kind !== 'run') throw apiError('permission_denied', 'This route needs a run token');
  const { run } = caller;
  if (run.runId !== runId) throw apiError('not_found', 'No such run');
  if (run.task !== DELIVER_WEBHOOK)
    throw apiError('permission_denied', `This route is for runs of ${DELIVER_WEBHOOK}`);
  const [row] = await database.query<CallRow & Record<string, unknown>>(
    `select d.id as "deliveryId", w.id as "webhookId", w.form, w.url, w.secret, w.enabled or d.test as sends, now(),
            case when w.earlier_until > now() then w.earlier_secret end as "earlierSecret"
       from webhook_deliveries d join webhooks w on w.id = d.webhook_id
      where d.run_id = $1 and d.organisation_id = $2 and d.state = 'pending'`,
    [runId, run.organisationId],
  );
  if (row === undefined) return { nothing: 'The webhook or its delivery is gone' };
  if (!row.sends) return { nothing: 'The webhook is paused' };
  const events = await eventsOf(database, row.deliveryId);
  if (events.length === 0) return { nothing: 'What it was to tell of was deleted' };
  const body = deliveryBody(row.form, events);
  const content = { id: row.deliveryId, at: row.now, body };
  return { ...opened(sealing, row, (secrets) => signedHeaders(content, secrets)), body };
}

function opened(
  sealing: Sealing,
  { webhookId, url, secret, earlierSecret }: CallRow,
  sign: (secrets: string[]) => Record<string, string>,
) {
  const secrets = [sealing.open(secret, contextOf(webhookSecret, webhookId))];
  if (earlierSecret !== null)
    secrets.push(sealing.open(earlierSecret, contextOf(earlierWebhookSecret, webhookId)));
  return { url: sealing.open(url, contextOf(webhookUrl, webhookId)), headers: sign(secrets) };
}
