import { once } from 'node:events';
import type { Response } from 'express';
import { eventId } from './event-news.ts';
import type { TaskEvent } from './task-events.ts';

/** After this time a client that lost its stream asks again, ms. */
const RETRY_MS = 1_000;

/** Fires when the client is gone or one of the others fires. */
export function whileConnected(response: Response, ...others: AbortSignal[]): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  if (response.destroyed) gone.abort();
  return AbortSignal.any([gone.signal, ...others]);
}

/**
 * Writes events as a stream (`text/event-stream`) until there are no more, or the signal fires; never faster than the client
 * reads. One that fails in between is cut off: its client comes again and goes on after the last event.
 */
export async function sendEvents(
  response: Response,
  events: AsyncIterable<TaskEvent | null>,
  signal: AbortSignal,
): Promise<void> {
  response.status(200);
  response.setHeader('Content-Type', 'text/event-stream; charset=utf-8');
  response.setHeader('Cache-Control', 'no-store');
  // Proxies that gather answers would hold events back.
  response.setHeader('X-Accel-Buffering', 'no');
  await write(response, `retry: ${RETRY_MS}\n\n`, signal);
  for await (const item of events) {
    if (signal.aborted) break;
    await write(response, item === null ? ': still there\n\n' : textOf(item), signal);
  }
  response.end();
}

function textOf({ event, data, cursor }: TaskEvent): string {
  return `id: ${eventId(cursor)}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

async function write(response: Response, text: string, signal: AbortSignal): Promise<void> {
  if (response.write(text) || signal.aborted) return;
  // Who goes away, or reads nothing until the backend stops, ends it.
  await once(response, 'drain', { signal }).catch(() => undefined);
}
