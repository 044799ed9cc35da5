import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { Manner } from './manners.ts';
import { reset } from './proxy.ts';

/** One request as the receiver saw it, whatever it answered. */
export interface ReceivedRequest {
  /** `webhook-id`. */
  readonly id: string;
  readonly body: string;
  /** Whether it was signed by the secret of the endpoint, a moment ago. */
  readonly isGenuine: boolean;
  /** Whether the receiver answered that it has it. */
  readonly isAnswered: boolean;
}

/** A receiver of webhooks outside of the platform: it writes down all that arrives, and does not always behave. */
export interface WebhookReceiver {
  /** `127.0.0.1:<port>` */
  readonly host: string;
  readonly url: string;
  readonly requests: readonly ReceivedRequest[];
  /** What is signed by another secret is not genuine. Nothing is, before this was called. */
  trust(secret: string): void;
  stop(): Promise<void>;
}

const FRESH_S = 300;

/** Listens on a free port of 127.0.0.1. `mannerOf` says what becomes of the n-th request of a delivery, from 1. */
export async function startReceiver(
  mannerOf: (deliveryId: string, nth: number) => Manner,
): Promise<WebhookReceiver> {
  const requests: ReceivedRequest[] = [];
  let secret = '';
  const server = createServer(async (request, response) => {
    const body = await buffer(request).catch(() => null);
    if (body === null) return; // It broke off: the sender did not send it.
    const id = headerOf(request, 'webhook-id');
    const manner = mannerOf(id, requests.filter((each) => each.id === id).length + 1);
    requests.push({
      ...{ id, body: body.toString('utf8'), isAnswered: manner === 'answers' },
      isGenuine: secret !== '' && isGenuine(request, body, secret),
    });
    behave(response, manner);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    url: `http://${host}/ended`,
    requests,
    trust: (given) => {
      secret = given;
    },
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function behave(response: ServerResponse, manner: Manner): void {
  switch (manner) {
    case 'answers':
      return void response.writeHead(204).end();
    case 'refuses':
      return void response.writeHead(500).end('not now');
    case 'cuts':
      return void (response.socket && reset(response.socket));
    case 'hangs':
      return; // The sender goes away when its time is over.
  }
}

function headerOf({ headers }: IncomingMessage, name: string): string {
  return String(headers[name] ?? '');
}

/** As Standard Webhooks has it, over the bytes as they came. */
function isGenuine(request: IncomingMessage, body: Buffer, secret: string): boolean {
  const [id, at] = [headerOf(request, 'webhook-id'), headerOf(request, 'webhook-timestamp')];
  if (!(Math.abs(Date.now() / 1_000 - Number(at)) <= FRESH_S)) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${at}.`).update(body).digest();
  return headerOf(request, 'webhook-signature')
    .split(' ')
    .filter((each) => each.startsWith('v1,'))
    .map((each) => Buffer.from(each.slice(3), 'base64'))
    .some((given) => given.length === expected.length && timingSafeEqual(given, expected));
}
