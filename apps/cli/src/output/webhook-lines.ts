import type { Webhook, WebhookDelivery } from '@longshore/contracts';
import { type Look, painted } from './look.ts';
import { stateMeaning } from './state-meaning.ts';
import { table } from './table.ts';
import { moment } from './moment.ts';

/** A table with one line for each webhook. */
export function webhookLines(webhooks: readonly Webhook[], look: Look = {}): string[] {
  if (webhooks.length === 0) return ['There is no such webhook: "longshore webhooks create" makes one.'];
  const rows = webhooks.map((webhook) => [
    ...[webhook.name, webhook.organisation, webhook.form, stateOf(webhook), `${webhook.window_seconds} s`],
    ...[String(webhook.gathered), shownUrl(webhook)],
  ]);
  return table(['NAME', 'ORGANISATION', 'FORM', 'STATE', 'WINDOW', 'GATHERED', 'URL'], rows, {
    ...look,
    dispensable: ['ORGANISATION', 'GATHERED', 'WINDOW'],
    whole: ['NAME'],
  });
}

function shownUrl({ url }: Webhook): string {
  return url ?? 'an address that cannot be read: give it anew';
}

/** All about one webhook. */
export function webhookDetailLines(webhook: Webhook, look: Look = {}): string[] {
  const state = stateOf(webhook);
  const { description, deployments, earlier_secret_until: until } = webhook;
  return [
    `${webhook.name} (${painted(state, stateMeaning(state), look)}): ${webhook.form}, every ${webhook.window_seconds} s, to ${shownUrl(webhook)}`,
    ...(description === '' ? [] : [description]),
    ...(webhook.disabled_reason === null ? [] : [`disabled: ${webhook.disabled_reason}`]),
    `of ${webhook.events.join(', ')}`,
    ...(deployments === null ? [] : [`only of ${deployments.join(', ')}`]),
    ...(until === null ? [] : [`the secret before this one signs as well until ${moment(until)}`]),
    `${webhook.gathered} events wait for the end of their window`,
  ];
}

/** A table with one line for each delivery. */
export function deliveryLines(deliveries: readonly WebhookDelivery[], look: Look = {}): string[] {
  if (deliveries.length === 0)
    return ['There is no such delivery: "longshore webhooks test <name>" sends one.'];
  const rows = deliveries.map(({ delivery_id, state, events, tries, created_at, last_error, ...rest }) => [
    ...[delivery_id, rest.test ? `${state} (test)` : state, String(events), String(tries)],
    ...[moment(created_at), last_error ?? ''],
  ]);
  return table(['DELIVERY', 'STATE', 'EVENTS', 'TRIES', 'MADE', 'LAST ERROR'], rows, {
    ...look,
    dispensable: ['MADE', 'TRIES'],
  });
}

function stateOf({ enabled, disabled_reason: reason }: Webhook): string {
  if (enabled) return 'active';
  return reason === null ? 'paused' : 'disabled';
}
