import {
  apiError,
  validationError,
  type ChangeWebhookRequest,
  type CreateWebhookRequest,
} from '@longshore/contracts';
import { uuidV7 } from '@longshore/runtime';
import { FetchError, type WebhookSender } from '@longshore/connectors';
import { contextOf, earlierWebhookSecret, webhookSecret, webhookUrl } from '../sealing/sealed-columns.ts';
import type { Sealing } from '../sealing/sealing.ts';
import { sqlStateOf, type SqlClient } from '../store/database.ts';
import { newSigningSecret } from './signing.ts';
import type { HeldWebhook } from './stored-webhooks.ts';

const UNIQUE_VIOLATION = '23505';
const FOREIGN_KEY_VIOLATION = '23503';
/** Of one organisation: each may be one more row in the transaction of every end. */
const MOST_WEBHOOKS = 100;

/** What the platform allows beyond the form of a request. */
export interface WebhookRules {
  readonly sender: Pick<WebhookSender, 'check'>;
  readonly leastWindowMs: number;
}

/** @throws ApiError 400 for an address that nothing may be sent to, and for a window that is too short */
export function refuseForbidden(
  { sender, leastWindowMs }: WebhookRules,
  { url, window_seconds: seconds }: ChangeWebhookRequest,
): void {
  const issues: { path: string[]; message: string }[] = [];
  if (seconds !== undefined && seconds * 1000 < leastWindowMs)
    issues.push({ path: ['window_seconds'], message: `must be ${leastWindowMs / 1000} or more here` });
  try {
    if (url !== undefined) sender.check(url);
  } catch (error) {
    if (!(error instanceof FetchError)) throw error;
    issues.push({ path: ['url'], message: `Nothing may be sent there: ${error.message}` });
  }
  if (issues.length > 0) throw validationError(issues);
}

/** Answers its id and its secret. @throws ApiError 409 when there is one of that name or there are too many, 404 for a deployment */
export async function insertWebhook(
  client: SqlClient,
  sealing: Sealing,
  { organisationId, ...given }: CreateWebhookRequest & { organisationId: string },
): Promise<{ id: string; secret: string }> {
  const [id, secret] = [uuidV7(), newSigningSecret()];
  const { name, description, url, form, events, deployments, window_seconds, enabled } = given;
  const ids = await deploymentIds(client, organisationId, deployments);
  await refuseTooMany(client, organisationId);
  await unlessTaken(() =>
    client.query(
      `insert into webhooks (id, organisation_id, name, description, url, form, events, deployment_ids, window_ms, enabled, secret)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      [
        ...[id, organisationId, name, description, sealing.seal(url, contextOf(webhookUrl, id)), form],
        ...[unique(events), ids],
        ...[window_seconds * 1000, enabled, sealing.seal(secret, contextOf(webhookSecret, id))],
      ],
    ),
  );
  return { id, secret };
}

/** @throws ApiError 409 when there is one of that name, 404 for a deployment, 400 for a form that would show an address that is secret */
export async function updateWebhook(
  client: SqlClient,
  sealing: Sealing,
  { held, change }: { held: HeldWebhook; change: ChangeWebhookRequest },
): Promise<void> {
  const { id, organisationId } = held;
  const { name, description, url, form, events, deployments, window_seconds: seconds, enabled } = change;
  if (held.form === 'slack' && form === 'standard' && url === undefined)
    throw validationError([
      { path: ['url'], message: 'is to be given with this form: the one before is a secret' },
    ]);
  const ids = await deploymentIds(client, organisationId, deployments ?? null);
  await unlessTaken(() =>
    client.query(
      `update webhooks set
         name = coalesce($2, name), description = coalesce($3, description), url = coalesce($4, url),
         form = coalesce($5, form), events = coalesce($6, events),
         deployment_ids = case when $7 then $8::uuid[] else deployment_ids end,
         window_ms = coalesce($9, window_ms), enabled = coalesce($10, enabled),
         disabled_reason = case when $10 then null else disabled_reason end, changed_at = now()
       where id = $1`,
      [
        ...[id, name ?? null, description ?? null],
        ...[url === undefined ? null : sealing.seal(url, contextOf(webhookUrl, id)), form ?? null],
        ...[events === undefined ? null : unique(events), deployments !== undefined],
        ids,
        ...[seconds === undefined ? null : seconds * 1000, enabled ?? null],
      ],
    ),
  );
}

/** Gives it another secret; the one before signs as well for so long. Answers the new one. */
export async function rotateSecret(
  client: SqlClient,
  sealing: Sealing,
  { held: { id, secret }, overlapSeconds }: { held: HeldWebhook; overlapSeconds: number },
): Promise<string> {
  const anew = newSigningSecret();
  const earlier = overlapSeconds > 0 ? sealing.open(secret, contextOf(webhookSecret, id)) : null;
  await client.query(
    `update webhooks set secret = $2, earlier_secret = $3,
            earlier_until = case when $3::text is not null then now() + $4 * interval '1 second' end, changed_at = now()
      where id = $1`,
    [
      id,
      sealing.seal(anew, contextOf(webhookSecret, id)),
      earlier && sealing.seal(earlier, contextOf(earlierWebhookSecret, id)),
      overlapSeconds,
    ],
  );
  return anew;
}

/** Those that are made at the same moment wait for each other; whoever only refers to the organisation does not. */
async function refuseTooMany(client: SqlClient, organisationId: string): Promise<void> {
  await client.query('select 1 from organisations where id = $1 for no key update', [organisationId]);
  const { rows } = await client.query<{ n: number }>(
    'select count(*)::int as n from webhooks where organisation_id = $1',
    [organisationId],
  );
  if (rows[0]!.n >= MOST_WEBHOOKS)
    throw apiError('conflict', `An organisation has at most ${MOST_WEBHOOKS} webhooks: delete one first`);
}

function unique<T>(all: readonly T[]): T[] {
  return [...new Set(all)];
}

async function deploymentIds(
  client: SqlClient,
  organisationId: string,
  names: readonly string[] | null,
): Promise<string[] | null> {
  if (names === null) return null;
  const { rows } = await client.query<{ id: string; name: string }>(
    'select id, api_name as name from deployments where organisation_id = $1 and api_name = any($2)',
    [organisationId, names],
  );
  const missing = names.find((wanted) => !rows.some(({ name }) => name === wanted));
  if (missing !== undefined)
    throw apiError('not_found', `There is no deployment "${missing}"`, 'deployments');
  return rows.map(({ id }) => id);
}

async function unlessTaken(write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    const state = sqlStateOf(error);
    if (state === UNIQUE_VIOLATION)
      throw apiError('conflict', 'There is a webhook of that name already', 'name');
    if (state === FOREIGN_KEY_VIOLATION)
      throw apiError('not_found', 'This organisation is gone', 'organisation');
    throw error;
  }
}
