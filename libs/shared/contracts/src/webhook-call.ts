import { z } from 'zod';

/** The task that makes a delivery; its runs are made by the platform alone. */
export const DELIVER_WEBHOOK = 'webhook.deliver';

/** What a run of `webhook.deliver` sends, signed; or why it sends nothing. */
export const webhookCallSchema = z.union([
  z.object({ url: z.string(), headers: z.record(z.string(), z.string()), body: z.string() }),
  z.object({ nothing: z.string() }),
]);
export type WebhookCall = z.infer<typeof webhookCallSchema>;
