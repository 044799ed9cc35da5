import { z } from 'zod';
import { organisationFilter, organisationOfOne, pageEnd, pageQuery } from './paging.ts';
import { nameSchema } from './workflow/closed.ts';

/** What an endpoint can be told of. */
export const WEBHOOK_EVENTS = [
  'execution.completed',
  'execution.failed',
  'execution.stopped',
  'task.finished',
  'task.failed',
  'task.cancelled',
] as const;
const webhookEventSchema = z.enum(WEBHOOK_EVENTS);
export type WebhookEventType = z.infer<typeof webhookEventSchema>;

/** What is sent for a test. */
export const TEST_EVENT = 'webhook.test';

const EXECUTION_EVENTS = WEBHOOK_EVENTS.filter((each) => each.startsWith('execution.'));
const LEAST_WINDOW_SECONDS = 1;
const MOST_WINDOW_SECONDS = 7200;
const MOST_URL_CHARACTERS = 2000;
const MOST_DEPLOYMENTS = 100;
const DAY_SECONDS = 86_400;

const text = (most: number) =>
  z
    .string()
    .max(most)
    .regex(/^[^\0]*$/u, 'may not hold the character NUL');

const shape = {
  name: nameSchema,
  description: text(2000),
  url: text(MOST_URL_CHARACTERS)
    .refine(
      (spelled) => /^https?:\/\//i.test(spelled) && URL.canParse(spelled),
      'is no http or https address',
    )
    .describe('Where deliveries are posted to.'),
  form: z
    .enum(['standard', 'slack'])
    .describe('`standard`: the events as JSON; `slack`: one text for an incoming webhook of Slack.'),
  events: z
    .array(webhookEventSchema)
    .min(1)
    .max(WEBHOOK_EVENTS.length)
    .describe('What it is told of. Default: the three of executions.'),
  deployments: z
    .array(text(100).min(1))
    .min(1)
    .max(MOST_DEPLOYMENTS)
    .nullable()
    .describe('Of executions, only those of these deployments and pipelines; null: of all.'),
  window_seconds: z
    .int()
    .min(LEAST_WINDOW_SECONDS)
    .max(MOST_WINDOW_SECONDS)
    .describe(
      'Events are gathered for so long, from the first one on. At least what the platform allows: 60.',
    ),
  enabled: z.boolean().describe('One that is not is told nothing.'),
};

export const createWebhookRequestSchema = z.strictObject({
  ...organisationOfOne,
  name: shape.name,
  description: shape.description.default(''),
  url: shape.url,
  form: shape.form.default('standard'),
  events: shape.events.default(EXECUTION_EVENTS),
  deployments: shape.deployments.default(null),
  window_seconds: shape.window_seconds.default(300),
  enabled: shape.enabled.default(true),
});
export type CreateWebhookRequest = z.output<typeof createWebhookRequestSchema>;

/** What is not named stays as it is. */
export const changeWebhookRequestSchema = z.strictObject(shape).partial();
export type ChangeWebhookRequest = z.output<typeof changeWebhookRequestSchema>;

const timestamp = z.iso.datetime();

/** An endpoint. */
export const webhookSchema = z.object({
  webhook_id: z.uuid(),
  organisation: z.string(),
  ...shape,
  name: z.string(),
  url: z
    .string()
    .nullable()
    .describe(
      'Of the form `slack` only its host: the rest of it is a secret. null: it cannot be opened with the keys that the backend has, and is to be given anew.',
    ),
  deployments: z.array(z.string()).nullable(),
  disabled_reason: z.string().nullable().describe('Why the platform disabled it; null where it did not.'),
  earlier_secret_until: timestamp.nullable().describe('Until then the secret before this one signs as well.'),
  gathered: z
    .int()
    .describe('Events that wait for the end of their window; more than 1,000 are not counted.'),
  created_at: timestamp,
  changed_at: timestamp,
});
export type Webhook = z.infer<typeof webhookSchema>;

/** With its secret, which is shown this once. */
export const webhookWithSecretSchema = z.object({
  ...webhookSchema.shape,
  secret: z.string().describe('Signs what is sent. It is shown this once.'),
});
export type WebhookWithSecret = z.infer<typeof webhookWithSecretSchema>;

export const listWebhooksQuerySchema = z.strictObject({
  ...organisationFilter,
  ...pageQuery,
  name: text(100).optional(),
});
export type ListWebhooksQuery = z.output<typeof listWebhooksQuerySchema>;

export const webhookListSchema = z.object({ webhooks: z.array(webhookSchema), ...pageEnd });

export const rotateWebhookRequestSchema = z.strictObject({
  overlap_seconds: z
    .int()
    .min(0)
    .max(30 * DAY_SECONDS)
    .default(DAY_SECONDS)
    .describe('So long the secret before it signs as well.'),
});

/** `pending`: on its way, or waiting for its next try; `dead`: given up. */
export const deliveryStateSchema = z.enum(['pending', 'delivered', 'dead']);

/** What went, or is to go, to an endpoint in one request. */
export const webhookDeliverySchema = z.object({
  delivery_id: z.uuid().describe('The `webhook-id` of all its tries.'),
  state: deliveryStateSchema,
  test: z.boolean(),
  events: z.int(),
  tries: z.int().describe('So often it was tried to the end.'),
  replays: z.int().describe('So often it was begun again by hand.'),
  last_error: z.string().nullable(),
  created_at: timestamp,
  ended_at: timestamp.nullable(),
});
export type WebhookDelivery = z.infer<typeof webhookDeliverySchema>;

export const webhookDeliveryDetailSchema = z.object({
  ...webhookDeliverySchema.shape,
  content: z.array(z.unknown()).describe('The events.'),
});
export type WebhookDeliveryDetail = z.infer<typeof webhookDeliveryDetailSchema>;

export const listDeliveriesQuerySchema = z.strictObject({
  ...pageQuery,
  state: deliveryStateSchema.optional(),
});
export type ListDeliveriesQuery = z.output<typeof listDeliveriesQuerySchema>;

/** Newest first. */
export const webhookDeliveryListSchema = z.object({
  deliveries: z.array(webhookDeliverySchema),
  ...pageEnd,
});

export const replayedDeliveriesSchema = z.object({
  replayed: z.int().describe('At most 1,000 at once: when it is that many, there may be more.'),
});

export const deliveryParams = z.object({ id: z.uuid(), delivery_id: z.uuid() });

/** One event as it is sent. */
export interface SentEvent {
  readonly id: string;
  readonly type: string;
  readonly timestamp: string;
  readonly data: unknown;
}
