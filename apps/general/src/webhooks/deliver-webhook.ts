import { FetchError, type WebhookAnswer, type WebhookSender } from '@longshore/connectors';
import { coreWorkers, DELIVER_WEBHOOK } from '@longshore/contracts';
import { defineTask, TaskError, type Task, type TaskContext } from '@longshore/tasks';
import { z } from 'zod';

const [QUEUE] = coreWorkers.general.queues;
/** Of all tries together. */
const TRIES = 5;
const LONGEST_PAUSE_MS = 7_200_000;
const GONE = 410;

export interface DeliverWebhookMeans {
  readonly sender: WebhookSender;
  /** For one try. */
  readonly timeoutMs: number;
  /** The longest pause after the first try; each further one is four times as long. */
  readonly retryDelayMs: number;
}

/**
 * Posts one delivery of a webhook. What is sent, and the signature on it, comes from the backend for each try: no secret lies in a run.
 * A worker that is killed between the post and its report is followed by another, which posts the same `webhook-id` again.
 */
export function createDeliverWebhook(means: DeliverWebhookMeans): Task {
  const { retryDelayMs } = means;
  return defineTask({
    name: DELIVER_WEBHOOK,
    group: 'Webhooks',
    queue: QUEUE,
    description: 'Posts what has ended to the endpoint of a webhook.',
    input: z.object({ delivery_id: z.uuid() }),
    maxAttempts: TRIES,
    backoff: {
      baseMs: retryDelayMs,
      factor: 4,
      capMs: Math.max(retryDelayMs, LONGEST_PAUSE_MS),
      jitter: 0.5,
    },
    softLimitMs: 60_000,
    hardLimitMs: 120_000,
    handler: (_input, context) => deliver(context, means),
  });
}

async function deliver(context: TaskContext, { sender, timeoutMs, retryDelayMs }: DeliverWebhookMeans) {
  const call = await context.webhookCall();
  if ('nothing' in call) throw new TaskError('webhook_not_sent', call.nothing, { retryable: false });
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(timeoutMs)]);
  let answer: WebhookAnswer;
  try {
    answer = await sender.post(call, signal);
  } catch (error) {
    context.signal.throwIfAborted();
    throw notReached(error);
  }
  const { status } = answer;
  if (status >= 200 && status < 300) return { status };
  throw refusedWith(answer, retryDelayMs);
}

/** What the guard refuses it refuses always; all else may pass. */
function notReached(error: unknown): unknown {
  if (!(error instanceof FetchError)) return error;
  const retryable = error.problem !== 'refused';
  return new TaskError('webhook_not_reached', `The endpoint was not reached: ${error.message}`, {
    retryable,
  });
}

/** What a receiver asks to wait is granted within bounds. */
function refusedWith({ status, retryAfterMs }: WebhookAnswer, leastMs: number): TaskError {
  if (status === GONE)
    return new TaskError('webhook_gone', 'The endpoint answered 410: it is gone, and is disabled', {
      retryable: false,
    });
  const asked =
    retryAfterMs === null
      ? {}
      : { retryAfterMs: Math.min(Math.max(retryAfterMs, leastMs), LONGEST_PAUSE_MS) };
  return new TaskError('webhook_refused', `The endpoint answered ${status}`, asked);
}
