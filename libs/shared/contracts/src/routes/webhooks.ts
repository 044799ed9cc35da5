import * as webhooks from '../webhooks.ts';
import { idParams, okSchema, route } from './route.ts';

/** What all public routes of webhooks have in common: one organisation's key or an admin key. */
const asked = { area: 'public', auth: 'organisation', withoutKey: 'key_required' } as const;
const tag = 'webhooks';

/** Word to others about what ended. */
export const webhookRoutes = {
  listWebhooks: route({
    ...asked,
    method: 'get',
    path: '/api/v1/webhooks',
    query: webhooks.listWebhooksQuerySchema,
    response: webhooks.webhookListSchema,
    documentation: { tag, summary: 'List webhooks', description: 'In the order of their names.' },
  }),
  createWebhook: route({
    ...asked,
    method: 'post',
    path: '/api/v1/webhooks',
    audit: 'webhook.create',
    body: webhooks.createWebhookRequestSchema,
    response: webhooks.webhookWithSecretSchema,
    documentation: {
      tag,
      summary: 'Create a webhook',
      description: 'The answer holds the secret by which deliveries are signed. It is shown this once.',
      success: { 201: 'It is created.' },
      errors: ['not_found', 'conflict'],
      examples: { body: { name: 'accounting', url: 'https://accounting.example.com/longshore' } },
    },
  }),
  webhook: route({
    ...asked,
    method: 'get',
    path: '/api/v1/webhooks/:id',
    params: idParams,
    response: webhooks.webhookSchema,
    documentation: { tag, summary: 'Show a webhook' },
  }),
  changeWebhook: route({
    ...asked,
    method: 'patch',
    path: '/api/v1/webhooks/:id',
    audit: 'webhook.change',
    params: idParams,
    body: webhooks.changeWebhookRequestSchema,
    response: webhooks.webhookSchema,
    documentation: {
      tag,
      summary: 'Change a webhook',
      description:
        'What is not named stays as it is. Another address holds from the next try on, also of what was gathered before.',
      errors: ['not_found', 'conflict'],
      examples: { body: { window_seconds: 60, events: ['execution.failed'] } },
    },
  }),
  deleteWebhook: route({
    ...asked,
    method: 'delete',
    path: '/api/v1/webhooks/:id',
    audit: 'webhook.delete',
    params: idParams,
    response: okSchema,
    documentation: {
      tag,
      summary: 'Delete a webhook',
      description: 'With its deliveries. What was not delivered is not delivered any more.',
    },
  }),
  pauseWebhook: route({
    ...asked,
    method: 'post',
    path: '/api/v1/webhooks/:id/pause',
    audit: 'webhook.pause',
    params: idParams,
    response: webhooks.webhookSchema,
    documentation: {
      tag,
      summary: 'Pause a webhook',
      description:
        'It is told nothing of what ends meanwhile. What was gathered before waits; what is on its way is given up at its next try.',
    },
  }),
  resumeWebhook: route({
    ...asked,
    method: 'post',
    path: '/api/v1/webhooks/:id/resume',
    audit: 'webhook.resume',
    params: idParams,
    response: webhooks.webhookSchema,
    documentation: { tag, summary: 'Resume a webhook', description: 'Also one that the platform disabled.' },
  }),
  rotateWebhook: route({
    ...asked,
    method: 'post',
    path: '/api/v1/webhooks/:id/rotate',
    audit: 'webhook.rotate',
    params: idParams,
    body: webhooks.rotateWebhookRequestSchema,
    response: webhooks.webhookWithSecretSchema,
    documentation: {
      tag,
      summary: 'Give a webhook another secret',
      description:
        'For the time of the overlap each delivery is signed by both. The new secret is shown this once.',
      examples: { body: { overlap_seconds: 3600 } },
    },
  }),
  testWebhook: route({
    ...asked,
    method: 'post',
    path: '/api/v1/webhooks/:id/test',
    audit: 'webhook.test',
    params: idParams,
    response: webhooks.webhookDeliverySchema,
    documentation: {
      tag,
      summary: 'Send a test event',
      description: 'At once, also to a webhook that is paused. Whether it arrived is told by its delivery.',
      success: { 201: 'It is on its way.' },
    },
  }),
  listDeliveries: route({
    ...asked,
    method: 'get',
    path: '/api/v1/webhooks/:id/deliveries',
    params: idParams,
    query: webhooks.listDeliveriesQuerySchema,
    response: webhooks.webhookDeliveryListSchema,
    documentation: { tag, summary: 'List the deliveries of a webhook', description: 'Newest first.' },
  }),
  delivery: route({
    ...asked,
    method: 'get',
    path: '/api/v1/webhooks/:id/deliveries/:delivery_id',
    params: webhooks.deliveryParams,
    response: webhooks.webhookDeliveryDetailSchema,
    documentation: { tag, summary: 'Show a delivery and its events' },
  }),
  replayDelivery: route({
    ...asked,
    method: 'post',
    path: '/api/v1/webhooks/:id/deliveries/:delivery_id/replay',
    audit: 'webhook.replay',
    params: webhooks.deliveryParams,
    response: webhooks.webhookDeliverySchema,
    documentation: {
      tag,
      summary: 'Deliver again what was given up',
      description: 'Under the same `webhook-id`, with five tries more.',
      errors: ['not_found', 'conflict'],
    },
  }),
  replayDeliveries: route({
    ...asked,
    method: 'post',
    path: '/api/v1/webhooks/:id/replay',
    audit: 'webhook.replay',
    params: idParams,
    response: webhooks.replayedDeliveriesSchema,
    documentation: {
      tag,
      summary: 'Deliver again all that was given up',
      description: 'The oldest first, each under its `webhook-id`.',
      errors: ['not_found', 'conflict'],
    },
  }),
};
