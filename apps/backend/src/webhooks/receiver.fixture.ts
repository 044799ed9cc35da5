import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { SentEvent } from '@longshore/contracts';

/** A request as the receiver saw it. */
export interface Received {
  readonly path: string;
  readonly id: string;
  readonly timestamp: string;
  readonly signatures: readonly string[];
  readonly body: string;
}

/** Answers the n-th request to a path; nothing: it stays unanswered. */
export type Answering = (response: ServerResponse, nth: number) => void;

/** A receiver of webhooks on this machine that keeps what it is sent. */
export async function startReceiver() {
  const received: Received[] = [];
  const answers = new Map<string, Answering>();
  const server = createServer(async (request, response) => {
    const body = await text(request).catch(() => null);
    if (body === null) return;
    const path = request.url!;
    const header = (name: string) => String(request.headers[name]);
    received.push({
      ...{ path, body, id: header('webhook-id'), timestamp: header('webhook-timestamp') },
      signatures: header('webhook-signature').split(' '),
    });
    const nth = received.filter((each) => each.path === path).length;
    (answers.get(path) ?? (() => void response.end()))(response, nth);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    /** The address of a path that answers like this; 200 unless told otherwise. */
    at(path: string, answering?: Answering): string {
      if (answering !== undefined) answers.set(path, answering);
      return `http://${host}${path}`;
    },
    of: (path: string) => received.filter((each) => each.path === path),
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
export type Receiver = Awaited<ReturnType<typeof startReceiver>>;

/** Checks a signature as the page for receivers says it. */
export function isSignedBy(secret: string, { id, timestamp, body, signatures }: Received): boolean {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  const isRecent = Math.abs(Date.now() / 1000 - Number(timestamp)) < 300;
  return isRecent && signatures.includes(`v1,${expected}`);
}

export function eventsIn({ body }: Received): SentEvent[] {
  return (JSON.parse(body) as { events: SentEvent[] }).events;
}
