import { createHmac } from 'node:crypto';
import { FetchError } from '@longshore/connectors';
import type { OpenedCredential, WebhookDestination } from '@longshore/contracts';
import { authorizationOf, credentialOf } from './credentials.ts';
import type { DeliveryOptions, ResultWriter } from './deliver.ts';
import { resultDocument } from './result-document.ts';

/** A receiver that said no. */
class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly status: number;

  constructor(status: number) {
    super(`its server answered ${status}`);
    this.status = status;
  }
}

const POST_MS = 30_000;
/** What a receiver says of this one body, and would not say of the next. */
const ABOUT_THE_BODY = new Set([400, 409, 413, 422]);
const MAY_PASS = new Set([408, 425, 429]);

/** One POST per file. It may come again after a crash, with the same `webhook-id` and `Idempotency-Key`. */
export async function webhookWriter(
  { url, credential: name }: WebhookDestination,
  { pipelineId, means: { webhooks }, context }: DeliveryOptions,
): Promise<ResultWriter> {
  const { executionId } = context.run;
  const credential =
    name === undefined ? null : await credentialOf(context, name, ['webhook', 'bearer', 'basic']);
  return {
    async write(file, result) {
      const body = resultDocument({ pipelineId, executionId }, file, result);
      const signal = AbortSignal.any([context.signal, AbortSignal.timeout(POST_MS)]);
      const headers = headersOf({ id: file.file_id, body }, credential);
      const { status } = await webhooks.post({ url, headers, body }, signal);
      if (status < 200 || status > 299) throw new RefusedError(status);
    },
    failureOf(error) {
      if (error instanceof FetchError)
        return { about: 'destination', message: error.message, retryable: error.problem !== 'refused' };
      if (!(error instanceof RefusedError)) return null;
      const { status, message } = error;
      const about = ABOUT_THE_BODY.has(status) ? 'file' : 'destination';
      return { about, message, retryable: status >= 500 || MAY_PASS.has(status) };
    },
    close: () => Promise.resolve(),
  };
}

/** As Standard Webhooks has them, signed where there is a secret. The id is that of the file within its execution. */
function headersOf(
  { id, body }: { id: string; body: string },
  credential: OpenedCredential | null,
): Record<string, string> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const secret = credential?.type === 'webhook' ? credential.values['secret'] : undefined;
  const authorization = credential === null ? undefined : authorizationOf(credential);
  return {
    ...{ 'Content-Type': 'application/json', 'Idempotency-Key': id },
    ...{ 'webhook-id': id, 'webhook-timestamp': timestamp },
    ...(secret === undefined ? {} : { 'webhook-signature': signature(secret, `${id}.${timestamp}.${body}`) }),
    ...(authorization === undefined ? {} : { Authorization: authorization }),
  };
}

function signature(secret: string, content: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return `v1,${createHmac('sha256', key).update(content).digest('base64')}`;
}
