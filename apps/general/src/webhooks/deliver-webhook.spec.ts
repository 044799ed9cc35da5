import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createWebhookSender } from '@longshore/connectors';
import { runTask } from '@longshore/tasks';
import { createDeliverWebhook } from './deliver-webhook.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

const input = { delivery_id: '019a0000-0000-7000-8000-000000000000' };

/** A receiver, and the task that delivers to it. */
async function setup(answer: RequestListener, { allowed = true, timeoutMs = 10_000 } = {}) {
  const server = createServer(answer);
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const sender = createWebhookSender({ hosts: allowed ? [host] : [], allowHttp: true });
  const task = createDeliverWebhook({ sender, timeoutMs, retryDelayMs: 1_000 });
  const webhook = {
    url: `http://${host}/in`,
    headers: { 'webhook-id': 'm1', 'content-type': 'application/json' },
    body: '{"ä":1}',
  };
  return { deliver: (attempt = 1) => runTask(task, input, { webhook, attempt }), task, server };
}

describe('delivering a webhook', () => {
  it('posts what the backend signed, byte by byte', async () => {
    let seen: unknown;
    const { deliver } = await setup(async (request, response) => {
      const { 'webhook-id': id, 'content-type': type, 'content-length': length } = request.headers;
      seen = [request.method, request.url, id, type, length, await text(request)];
      response.writeHead(204).end();
    });
    expect(await deliver()).toMatchObject({ outcome: 'succeeded', output: { status: 204 } });
    expect(seen).toEqual(['POST', '/in', 'm1', 'application/json', '8', '{"ä":1}']);
  });

  it.each([[199 + 1], [201], [202], [299]])('takes %i for delivered', async (status) => {
    const { deliver } = await setup((_request, response) => void response.writeHead(status).end());
    expect((await deliver()).outcome).toBe('succeeded');
  });

  it.each([[301], [302], [308], [400], [404], [429], [500], [503]])(
    'takes %i for no delivery, follows nothing and tries again',
    async (status) => {
      let asked = 0;
      const { deliver } = await setup((_request, response) => {
        asked += 1;
        response.writeHead(status, { Location: '/elsewhere' }).end();
      });
      const run = await deliver();
      expect(run).toMatchObject({ outcome: 'failed', error: { message: `The endpoint answered ${status}` } });
      expect(run).not.toHaveProperty('retryAfterMs', null);
      expect(asked).toBe(1);
    },
  );

  it('waits longer from try to try, and gives up after the fifth', async () => {
    const { deliver } = await setup((_request, response) => void response.writeHead(500).end());
    const pauses = [];
    for (let attempt = 1; attempt <= 5; attempt += 1) pauses.push(await deliver(attempt));
    expect(pauses.map((run) => run.outcome === 'failed' && run.retryAfterMs)).toEqual([
      ...[1_000, 4_000, 16_000, 64_000],
      null,
    ]);
  });

  it.each([
    ['7', 7_000],
    ['0', 1_000],
    ['999999999', 7_200_000],
    ['soon', 1_000],
    [new Date(Date.now() - 60_000).toUTCString(), 1_000],
  ])('grants Retry-After %s within bounds', async (asked, granted) => {
    const { deliver } = await setup(
      (_request, response) => void response.writeHead(503, { 'Retry-After': asked }).end(),
    );
    expect(await deliver()).toMatchObject({ outcome: 'failed', retryAfterMs: granted });
  });

  it('gives up at once when the endpoint is gone', async () => {
    const { deliver } = await setup((_request, response) => void response.writeHead(410).end());
    expect(await deliver()).toMatchObject({ error: { code: 'webhook_gone' }, retryAfterMs: null });
  });

  it.each<[string, RequestListener, string]>([
    ['hangs', () => undefined, 'it took too long'],
    ['cuts the connection', (request) => request.destroy(), 'the connection failed or broke'],
  ])('tries again when the receiver %s', async (_what, answer, reason) => {
    const { deliver } = await setup(answer, { timeoutMs: 100 });
    const run = await deliver();
    expect(run).toMatchObject({
      error: { message: `The endpoint was not reached: ${reason}` },
      retryAfterMs: 1_000,
    });
  });

  it('is content with the head of an answer whose body never ends', async () => {
    const { deliver } = await setup((_request, response) => {
      response.writeHead(200);
      const more = setInterval(() => response.write('x'.repeat(50_000)), 1);
      response.once('close', () => clearInterval(more));
    });
    expect((await deliver()).outcome).toBe('succeeded');
  });

  it('sends nothing into internal networks that nobody allowed', async () => {
    let asked = 0;
    const { deliver } = await setup(() => void (asked += 1), { allowed: false });
    const run = await deliver();
    expect(run).toMatchObject({ error: { code: 'webhook_not_reached' }, retryAfterMs: null });
    expect(asked).toBe(0);
  });

  it('ends without a try when there is nothing to send', async () => {
    const { task } = await setup(() => undefined);
    const run = await runTask(task, input, { webhook: { nothing: 'The webhook is paused' } });
    expect(run).toMatchObject({ error: { message: 'The webhook is paused' }, retryAfterMs: null });
  });

  it('tells neither address nor body in what it says of a failure', async () => {
    const { deliver } = await setup((_request, response) => void response.writeHead(500).end('secret'));
    expect(JSON.stringify(await deliver())).not.toMatch(/127\.0\.0\.1|secret|ä/);
  });
});
