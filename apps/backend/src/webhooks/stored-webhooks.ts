import { apiError, type ListWebhooksQuery, type Webhook, type WebhookEventType } from '@longshore/contracts';
import { z } from 'zod';
import type { Caller } from '../http/auth.ts';
import { decodeCursor, pageOf } from '../native/paging.ts';
import { maySee } from '../native/visible-organisations.ts';
import { contextOf, webhookUrl } from '../sealing/sealed-columns.ts';
import { SealingError, type Sealing } from '../sealing/sealing.ts';
import type { Database, SqlClient } from '../store/database.ts';

export interface StoredWebhook {
  readonly id: string;
  readonly organisation_id: string;
  readonly organisation: string;
  readonly name: string;
  readonly description: string;
  /** Sealed. */
  readonly url: string;
  readonly events: WebhookEventType[];
  readonly deployments: string[] | null;
  readonly form: Webhook['form'];
  readonly window_ms: number;
  readonly enabled: boolean;
  readonly disabled_reason: string | null;
  readonly earlier_until: Date | null;
  readonly gathered: number;
  readonly created_at: Date;
  readonly changed_at: Date;
}

const MOST_COUNTED = 1_000;

const STORED = `select w.id, w.organisation_id, o.name as organisation, w.name, w.description, w.url, w.events, w.form,
  w.window_ms, w.enabled, w.disabled_reason, w.created_at, w.changed_at,
  case when w.earlier_until > now() then w.earlier_until end as earlier_until,
  case when w.deployment_ids is not null
       then array(select d.api_name from deployments d where d.id = any(w.deployment_ids) order by d.api_name) end as deployments,
  (select count(*)::int from (select from webhook_events e where e.webhook_id = w.id and e.delivery_id is null
                               limit ${MOST_COUNTED}) g) as gathered
  from webhooks w join organisations o on o.id = w.organisation_id`;

/** @throws ApiError 404, for one of another organisation too: nobody learns that it exists. */
export async function readWebhook(database: Database, id: string, caller: Caller): Promise<StoredWebhook> {
  const [webhook] = await database.query<StoredWebhook & Record<string, unknown>>(
    `${STORED} where w.id = $1`,
    [id],
  );
  if (webhook === undefined || !maySee(caller, webhook.organisation_id)) throw unknownWebhook();
  return webhook;
}

export function unknownWebhook() {
  return apiError('not_found', 'No such webhook');
}

export function viewOf(sealing: Sealing, stored: StoredWebhook): Webhook {
  const { id, window_ms, organisation, name, description, form, events, deployments } = stored;
  return {
    webhook_id: id,
    ...{ organisation, name, description, form, events, deployments },
    url: shownUrl(sealing, stored),
    window_seconds: window_ms / 1000,
    enabled: stored.enabled,
    disabled_reason: stored.disabled_reason,
    earlier_secret_until: stored.earlier_until?.toISOString() ?? null,
    gathered: stored.gathered,
    created_at: stored.created_at.toISOString(),
    changed_at: stored.changed_at.toISOString(),
  };
}

/** Who knows an address of Slack may post there. One that cannot be opened hides neither the others nor itself: it is to be given anew. */
function shownUrl(sealing: Sealing, { id, form, url: sealed }: StoredWebhook): string | null {
  try {
    const url = sealing.open(sealed, contextOf(webhookUrl, id));
    return form === 'slack' ? `${new URL(url).origin}/…` : url;
  } catch (error) {
    if (error instanceof SealingError) return null;
    throw error;
  }
}

const cursorKey = z.tuple([z.string(), z.uuid()]);

/** A page in the order of names. */
export async function listWebhooks(
  { database, sealing }: { database: Database; sealing: Sealing },
  organisationIds: readonly string[],
  { limit, cursor, name }: ListWebhooksQuery,
): Promise<{ webhooks: Webhook[]; next_cursor: string | null }> {
  const [afterName, afterId] = decodeCursor(cursor, cursorKey) ?? [null, null];
  const rows = await database.query<StoredWebhook & Record<string, unknown>>(
    `${STORED}
      where w.organisation_id = any($1::uuid[]) and ($2::text is null or (w.name, w.id) > ($2, $3::uuid))
        and ($4::text is null or w.name = $4)
      order by w.name, w.id limit $5`,
    [organisationIds, afterName, afterId, name ?? null, limit + 1],
  );
  const { items, next_cursor } = pageOf(rows, limit, (row) => [row.name, row.id]);
  return { webhooks: items.map((row) => viewOf(sealing, row)), next_cursor };
}

/** A webhook that somebody is about to change. */
export interface HeldWebhook {
  readonly id: string;
  readonly organisationId: string;
  readonly name: string;
  readonly form: Webhook['form'];
  /** Sealed. */
  readonly secret: string;
  readonly enabled: boolean;
}

/** Locks it: nobody else changes it, and its window does not close meanwhile. @throws ApiError 404 */
export async function holdWebhook(client: SqlClient, id: string, caller: Caller): Promise<HeldWebhook> {
  const { rows } = await client.query<HeldWebhook>(
    `select id, organisation_id as "organisationId", name, form, secret, enabled from webhooks where id = $1 for update`,
    [id],
  );
  const [held] = rows;
  if (held === undefined || !maySee(caller, held.organisationId)) throw unknownWebhook();
  return held;
}
